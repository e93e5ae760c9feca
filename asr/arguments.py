"""The arguments of the library's trainer: what it does on its own, and what it leaves to us."""

from pathlib import Path

from transformers import Seq2SeqTrainingArguments

from asr.checkpoints import Past
from asr.device import Precision
from asr.optimizer import library_name
from asr.recipe import Train


def arguments(
    settings: Train, rate: float, precision: Precision, device: str, folder: Path, past: Past, loader_workers: int
) -> Seq2SeqTrainingArguments:
    """Of the library, for this run.

    Args:
        settings: the recipe.
        rate: the peak learning rate.
        precision: the format to compute in.
        device: cuda, mps or cpu.
        folder: of the run's checkpoints.
        past: of the run; one that had ended trains no further.
        loader_workers: processes that read ahead.
    """
    made = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=past.epochs if past.is_over else settings.epochs,
        per_device_train_batch_size=1,  # a step
        learning_rate=rate,
        optim=library_name(settings.optimizer, device),
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_share,  # below 1 it is a share
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=settings.keep_checkpoints,
        load_best_model_at_end=True,
        metric_for_best_model="wer",
        greater_is_better=False,
        restore_callback_states_from_checkpoint=True,
        # Every step: what a checkpoint can't keep is the sum since the last line of the log.
        logging_steps=1,
        logging_nan_inf_filter=False,
        dataloader_num_workers=loader_workers,
        dataloader_pin_memory=device == "cuda",
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=True,
        seed=settings.seed,
    )
    # Where there are several GPUs the trainer would wrap the model in DataParallel, which multiplies the batch and the loss.
    made._n_gpu = min(made.n_gpu, 1)
    return made
