"""The trainer: Hugging Face's Seq2SeqTrainer, with whole optimiser steps as its batches.

A step's clips come from the loader unpadded. They are cut into micro-batches here, so that their number can follow the memory
of the device in mid-run without a change to what is learned: every label of a step weighs the same.

What the library does well is left to it: the loop, schedules, optimisers, clipping, checkpoints with all random states, early
stopping, callbacks. Loading, the step and validation are ours, since the library counts in batches: of a size that is fixed
before the first, padded by the loader, all ranks with as many. It has no place to choose a window for each, or other batches
after memory ran out; and evaluation on several ranks counts some clips twice. tests/test_trainer_contract.py holds it to all
that is relied on.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerControl, TrainerState

from asr.base.errors import DataError
from asr.machine.device import Precision
from asr.model.checksums import SUMS, damaged_file
from asr.model.precision import autocast, hearing_in
from asr.model.window import encoder_window
from asr.ranks.group import sum_over_ranks, wait_for_all
from asr.training.batch import IGNORED, StepBatch, StepKeys, Steps, micro_batches, pad, step_loader
from asr.training.checkpoints import finish
from asr.training.epochs import error_rates, keep_epoch
from asr.training.memory import Limits, within_memory
from asr.training.optimizer import library_name, without_first_step
from asr.training.recipe import Train
from asr.training.trainable import gradients
from asr.training.validation import Validation, Validator

COMPILED_FORMS = 4
"""Of one window: torch compiles anew for a row alone, and once it has seen that rows or tokens vary in number."""


class StepTrainer(Seq2SeqTrainer):
    """The library's trainer around `Steps`."""

    limits: Limits
    control: TrainerControl

    def __init__(
        self,
        *,
        steps: Steps,
        validator: Validator,
        keep: Callable[[TrainerState, Validation], None],
        count: Callable[[StepBatch], None],
        optimizer: tuple[type[torch.optim.Optimizer], dict[str, Any]],
        precision: Precision,
        settings: Train,
        **of_the_library: Any,
    ) -> None:
        """
        Args:
            steps: what is learned, as keys of an epoch and a step.
            validator: scores the model after each epoch.
            keep: is given what it found, on rank 0.
            count: is given each step that was learned from.
            optimizer: its class and options, of which `params` are the groups.
            precision: the format to compute in.
            settings: the parameters of training, of which label smoothing, and what is kept, are read.
            of_the_library: the trainer's own arguments.
        """
        # The library asks for an evaluation set; the validator has its own.
        super().__init__(train_dataset=steps, eval_dataset=[None], **of_the_library)
        self._steps, self._validator, self._keep, self._count = steps, validator, keep, count
        self._precision, self._settings = precision, settings
        self.optimizer_cls_and_kwargs = optimizer
        self._whisper, self._validation_halvings = validator.whisper, 0
        # Gradients are summed and formats chosen here: no DistributedDataParallel, no second autocast.
        self.model._is_accelerate_prepared = True
        self._forward: Callable[..., Any] = self.model

    def get_train_dataloader(self) -> DataLoader[StepBatch]:
        """A loader of steps, in processes of its own when the arguments say so."""
        keys = StepKeys(len(self._steps))
        loader = step_loader(self._steps, keys, self.args.dataloader_num_workers, self.args.dataloader_pin_memory)
        loader.set_epoch = keys.set_epoch  # where the trainer looks for it
        return loader

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[StepBatch], None]:
        """Fetch the next step. How many labels it has, it says itself."""
        return [batch for _, batch in zip(range(num_batches), epoch_iterator, strict=False)], None

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LRScheduler:
        """The library's schedule; of one that warms up, from its second step on."""
        warms_up = self.args.get_warmup_steps(num_training_steps) > 0
        schedule = super().create_scheduler(num_training_steps + warms_up, optimizer)
        return without_first_step(schedule) if warms_up else schedule

    def training_step(self, model: nn.Module, inputs: StepBatch, num_items_in_batch: Any = None) -> Tensor:
        """Compute the gradients of one step, over all its micro-batches and ranks; returns the mean loss over its labels.

        Raises:
            DataError: when a single row does not fit into memory.
        """
        loss = within_memory(self.limits, self.model, lambda: self._backward(inputs))
        if self.args.world_size > 1:
            # By hand, as ranks may have any number of micro-batches, or none; and only now, as memory may have run out in any.
            sum_over_ranks([*gradients(self.model), loss])
        self._count(inputs)
        return loss

    def _backward(self, batch: StepBatch) -> Tensor:
        self.model.train()
        batch = batch.to(self.args.device)
        total = torch.zeros((), device=self.args.device)
        if not batch.rows and self.accelerator.scaler is not None:
            self.accelerator.scaler.scale(total)  # else it would not know its scale when the step comes
        for group in micro_batches(batch.rows, self.limits.most):
            loss = self.loss(batch, group) / batch.step_labels
            self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def loss(self, batch: StepBatch, group: slice) -> Tensor:
        """Cross entropy summed over the labels of one micro-batch."""
        padded = pad(batch, group, self._whisper.tokenizer.pad_token_id)
        labels = padded.pop("labels")
        with (
            autocast(self.args.device.type, self._precision),
            encoder_window(self._whisper.model, padded["input_features"].shape[-1]),
        ):
            logits = (self._forward if self.model.training else self.model)(**padded).logits
        return nn.functional.cross_entropy(
            logits.flatten(0, 1).float(),
            labels.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=self._settings.label_smoothing if self.model.training else 0.0,
        )

    def compile(self, windows: int) -> None:
        """Have torch compile the model's forward and backward pass, for at most so many windows.

        The library's own argument compiles a wrapper that it gives to `training_step`, which nothing here calls.
        """
        # Beyond the limit torch would quietly compile no more.
        dynamo = torch._dynamo.config
        dynamo.recompile_limit = max(dynamo.recompile_limit, COMPILED_FORMS * windows)
        self._forward = torch.compile(self.model)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Validate, in place of the library's evaluation, which counts some clips twice on several ranks.

        Raises:
            DataError: when a single row does not fit into memory.
        """
        found = self.validated()
        metrics = {"eval_loss": found.loss, "eval_error_rate": found.error_rate}
        if self.is_world_process_zero():
            self._keep(self.state, found)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def validated(self) -> Validation:
        """Score the model as it is now, and tell nobody."""
        with hearing_in(self.model, self._precision):
            self.model.eval()
            rank, ranks = self.args.process_index, self.args.world_size
            # Limits of its own: too many at once here are no reason to learn from fewer.
            limits = replace(self.limits, halvings=max(self.limits.halvings, self._validation_halvings))
            validate = self._validator.validate
            found = within_memory(limits, self.model, lambda: validate(self.loss, limits.most, rank, ranks))
            self._validation_halvings = limits.halvings
        return found

    def _save_checkpoint(self, *args: Any) -> None:
        """Save as the library does, and finish what was saved."""
        best_until_now = self.state.best_model_checkpoint
        super()._save_checkpoint(*args)
        wait_for_all()  # each rank writes its random state
        if self.args.should_save:
            checkpoint = Path(str(self.args.output_dir), f"checkpoint-{self.state.global_step}")
            if (most := self._settings.average) > 1:
                keep_epoch(checkpoint, error_rates(self.state.log_history), most)
            finish(checkpoint, self._settings.keep_checkpoints, best_until_now)

    def _load_best_model(self) -> None:
        """Take the weights of the best epoch, which may have lain on the disk for days.

        Raises:
            DataError: when these are not those that were written.
        """
        best = Path(str(self.state.best_model_checkpoint))
        if damaged_file(best) or not (best / SUMS).exists():
            raise DataError(f"{best}: the best epoch's, and damaged; run it again, and it goes on from before that epoch")
        super()._load_best_model()

    def floating_point_ops(self, inputs: Any) -> int:
        """Count nothing: the library's estimate knows nothing of windows."""
        return 0


def arguments(
    settings: Train, epochs: int, rate: float, precision: Precision, device: str, folder: Path, loader_workers: int
) -> Seq2SeqTrainingArguments:
    """Make the library's arguments for this run.

    Args:
        settings: the recipe.
        epochs: after which training ends.
        rate: the peak learning rate.
        precision: the format to compute in.
        device: cuda, mps or cpu.
        folder: of the run's checkpoints.
        loader_workers: processes that read ahead.
    """
    made = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
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
        save_total_limit=None,  # see `finish`
        load_best_model_at_end=True,
        metric_for_best_model="error_rate",
        greater_is_better=False,
        restore_callback_states_from_checkpoint=True,
        logging_strategy="no",  # see Saving
        logging_nan_inf_filter=False,
        dataloader_num_workers=loader_workers,
        dataloader_pin_memory=device == "cuda",
        remove_unused_columns=False,
        report_to="none",
        log_level_replica="passive",  # as quiet as the first
        disable_tqdm=True,
        seed=settings.seed,
    )
    # Where there are several GPUs the trainer would wrap the model in DataParallel, which multiplies the batch and the loss.
    made._n_gpu = min(made.n_gpu, 1)
    return made
