"""Training: Hugging Face's Seq2SeqTrainer around a Whisper checkpoint, choosing the best epoch by validation WER."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from transformers import (
    EarlyStoppingCallback,
    EvalPrediction,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.integrations import TensorBoardCallback

from asr.batch import IGNORED, Collator, Examples
from asr.device import Precision, pick_device, pick_precision
from asr.params import Section
from asr.text import Normalizer
from asr.wer import load_error_rates
from asr.whisper import Whisper

LOG_EVERY_STEPS = 50

# transformers 5.23 renamed the argument and warns of the old name, the only one that 5.17 knows.
CHECKPOINTING = next(
    name
    for name in ("activation_checkpointing", "gradient_checkpointing")
    if name in Seq2SeqTrainingArguments.__dataclass_fields__
)

RATE_BY_WIDTH = {128: 1e-3, 384: 3.75e-5, 512: 2.5e-5, 768: 1.25e-5, 1024: 6.25e-6, 1280: 4.375e-6}
"""Learning rate by `d_model`. From 384 (tiny) to 1280 (large): a fortieth of the peak rate of pretraining (table 17 of
arXiv:2212.04356), the advice of Hugging Face's Whisper fine-tuning event. 128 is the bundled model, tried on the sample."""


class Train(Section):
    """How the model is tuned."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    accumulation: int = Field(ge=1)
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"]
    warmup_share: float = Field(ge=0, lt=1)
    schedule: Literal["cosine", "linear", "constant_with_warmup"]
    weight_decay: float = Field(ge=0)
    max_gradient_norm: float = Field(gt=0)
    max_new_tokens: int = Field(ge=1)
    early_stopping_patience: int = Field(ge=1)
    keep_checkpoints: int = Field(ge=1)
    gradient_checkpointing: bool
    seed: int = Field(ge=0, lt=2**32)


@dataclass(frozen=True)
class Trained:
    """How training went. `best_wer` is in percent, on the validation split; `log_history` as the trainer keeps it."""

    precision: Precision
    learning_rate: float
    steps: int
    epochs: float
    best_step: int
    best_wer: float
    log_history: list[dict[str, float]]


def auto_learning_rate(width: int) -> float:
    """A rate for a model of `width` (its `d_model`): from RATE_BY_WIDTH, between its entries along a power law."""
    widths, rates = zip(*sorted(RATE_BY_WIDTH.items()), strict=True)
    return float(math.exp(np.interp(math.log(width), np.log(widths), np.log(rates))))


def train(
    whisper: Whisper,
    examples: Examples,
    validation: Examples,
    settings: Train,
    normalize: Normalizer,
    checkpoints: Path,
    tensorboard: Path,
) -> Trained:
    """Tune `whisper` in place; it ends with the weights of the epoch with the lowest validation WER.

    Args:
        whisper: the checkpoint to start from.
        examples: what is learned.
        validation: what epochs are compared on; never the test split.
        settings: the parameters of training.
        normalize: applied to both sides before the WER is taken.
        checkpoints: a folder for the trainer's checkpoints, which the caller removes.
        tensorboard: a folder for TensorBoard's event files.
    """
    device = pick_device()
    precision = pick_precision(device)
    rate = auto_learning_rate(whisper.model.config.d_model) if settings.learning_rate == "auto" else settings.learning_rate
    whisper.model.config.use_cache = False
    # What the checkpoint never wrote, such as brackets, the user's transcripts may hold.
    whisper.model.generation_config.suppress_tokens = []
    trainer = Seq2SeqTrainer(
        model=whisper.model,
        args=_arguments(settings, rate, device, whisper, len(examples), checkpoints),
        train_dataset=examples,
        eval_dataset=validation,
        data_collator=Collator(
            whisper.window_frames, whisper.model.config.decoder_start_token_id, whisper.tokenizer.pad_token_id
        ),
        compute_metrics=_wer_of(whisper, normalize),
        compute_loss_func=loss_per_token,
        callbacks=[
            EarlyStoppingCallback(settings.early_stopping_patience),
            TensorBoardCallback(SummaryWriter(str(tensorboard))),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(EpochLines(settings.epochs))
    trainer.train()
    whisper.model.config.use_cache = True
    best = min(entry["eval_wer"] for entry in trainer.state.log_history if "eval_wer" in entry)
    return Trained(
        precision=precision,
        learning_rate=rate,
        steps=trainer.state.global_step,
        epochs=round(float(trainer.state.epoch or 0), 2),
        best_step=trainer.state.best_global_step or 0,
        best_wer=best,
        log_history=trainer.state.log_history,
    )


def loss_per_token(outputs: Mapping[str, Tensor], labels: Tensor, num_items_in_batch: Tensor | int | None) -> Tensor:
    """Cross entropy in which every label of an optimiser step weighs the same.

    The trainer takes it that Whisper divides its loss by `num_items_in_batch`, the number of labels in all micro-batches of
    a step. Whisper's own loss is the mean over one micro-batch, which comes out too large by the number of micro-batches.

    Args:
        outputs: with `logits` of shape (batch, tokens, vocabulary).
        labels: shape (batch, tokens), IGNORED where there is none.
        num_items_in_batch: labels in the whole step; None in evaluation, which takes the mean over this batch.
    """
    logits = outputs["logits"].flatten(0, 1).float()
    total = nn.functional.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / (num_items_in_batch if num_items_in_batch is not None else (labels != IGNORED).sum())


def _arguments(
    settings: Train, rate: float, device: str, whisper: Whisper, clips: int, checkpoints: Path
) -> Seq2SeqTrainingArguments:
    precision = pick_precision(device)
    steps_per_epoch = math.ceil(clips / (settings.batch_size * settings.accumulation))
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size * 4,
        gradient_accumulation_steps=settings.accumulation,
        **{CHECKPOINTING: settings.gradient_checkpointing},
        learning_rate=rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_share,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=settings.keep_checkpoints,
        load_best_model_at_end=True,
        metric_for_best_model="wer",
        greater_is_better=False,
        predict_with_generate=True,
        generation_max_length=min(settings.max_new_tokens, whisper.model.config.max_target_positions),
        logging_strategy="steps",
        # At least one entry an epoch, so that short runs have a curve too.
        logging_steps=min(LOG_EVERY_STEPS, steps_per_epoch),
        remove_unused_columns=False,
        dataloader_pin_memory=device == "cuda",
        report_to="none",
        disable_tqdm=not sys.stderr.isatty(),
        seed=settings.seed,
    )
    # Where there are several GPUs the trainer would wrap the model in DataParallel, which multiplies the batch and the loss.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _wer_of(whisper: Whisper, normalize: Normalizer) -> Callable[[EvalPrediction], dict[str, float]]:
    metric = load_error_rates()

    def texts(tokens: Any) -> list[str]:
        tokens = np.where(tokens == IGNORED, whisper.tokenizer.pad_token_id, tokens)
        return [normalize(text) for text in whisper.tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        rates = metric.compute(predictions=texts(prediction.predictions), references=texts(prediction.label_ids))
        return {"wer": round(100 * rates["wer"], 2)}

    return compute


class EpochLines(TrainerCallback):
    """A line an epoch on stderr, for logs and terminals alike."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._loss = math.nan

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep the latest training loss."""
        self._loss = (logs or {}).get("loss", self._loss)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Say where training stands."""
        wer = (metrics or {}).get("eval_wer", math.nan)
        print(
            f"train: epoch {state.epoch or 0:.0f} of {self._epochs}, step {state.global_step} of {state.max_steps}, "
            f"loss {self._loss:.3f}, validation WER {wer:.1f} %",
            file=sys.stderr,
        )
