"""Training: a Whisper checkpoint tuned on a split, choosing the best epoch by its error rate on the validation split."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, set_seed
from transformers.integrations import TensorBoardCallback

from asr.base.rates import SHORT, Metric
from asr.machine.allocator import keep_memory
from asr.machine.device import Precision, pick_device, pick_precision, require_precision
from asr.machine.shutdown import StopRequest
from asr.model.whisper import Whisper
from asr.ranks.group import agreed, rank_and_ranks
from asr.training.batch import Examples, Row, Steps, make_batch, readers
from asr.training.callbacks import BeforeFirstStep, Saving, WatchLoss, best_of
from asr.training.checkpoints import read_past
from asr.training.history import ProgressLines, Times, replayed, trackers
from asr.training.labels import timed, without_speech
from asr.training.memory import Limits, find_limits, too_much
from asr.training.optimizer import state_bytes
from asr.training.plan import Plan
from asr.training.recipe import Mode, Train, learning_rate
from asr.training.trainable import checkpoint_activations, freeze_encoder, merged, parameter_groups, set_dropout, with_lora
from asr.training.trainer import StepTrainer, arguments
from asr.training.validation import Diary, Validator

HARDLY_KNOWN = 70.0
"""Percent. Whisper small learns Hindi and Malayalam best at 2e-4, where 1e-5 is usual (arXiv:2605.13087)."""


@dataclass(frozen=True)
class Trained:
    """The outcome of training. Error rates are in percent, on the validation split, before the first step (`base_error_rate`)
    and of the best epoch, by `metric`; `log_history` as the trainer keeps it.

    `rows_at_once`: the micro-batch of a rank for the whole window, after `halvings` for want of memory; `seconds`: see `Times`.
    """

    window: Mode
    precision: Precision
    learning_rate: float
    ranks: int
    activation_checkpointing: bool
    rows_at_once: int
    halvings: int
    steps: int
    epochs: float
    best_step: int
    best_error_rate: float
    base_error_rate: float
    metric: Metric
    clips: int
    clips_without_speech: int
    log_history: list[dict[str, float]]
    seconds: dict[str, float]


def train(
    whisper: Whisper,
    examples: Examples,
    validator: Validator,
    settings: Train,
    folder: Path,
    tensorboard: Path | None,
    stop: StopRequest,
    minutes_between_checkpoints: float = math.inf,
    loader_workers: int | None = None,
    report_to: Sequence[str] = (),
    measures_base: bool = True,
) -> Trained:
    """Tune `whisper` in place; it ends with the weights of the epoch with the lowest error rate.

    Args:
        whisper: the checkpoint to start from.
        examples: what is learned.
        validator: scores the model after each epoch; never on the test split.
        settings: the parameters of training.
        folder: of this very run; where it holds a checkpoint, the run goes on from there. The caller removes it.
        tensorboard: a folder of this very run for TensorBoard's event files, written anew; None: there are none.
        stop: asks the run to end early, with a checkpoint.
        minutes_between_checkpoints: besides those after each epoch.
        loader_workers: processes that read clips ahead; 0: this one reads them; None: see `readers`.
        report_to: trackers of experiments that rank 0 reports to, by the library's names.
        measures_base: whether the base model is scored before the first step.

    Raises:
        DataError: when a parameter doesn't suit the model, the run diverges, a tracker is missing, or no clip fits into memory.
        StoppedError: when the run was asked to end; the checkpoint is saved, but not in validation.
    """
    device = pick_device()
    if device == "cpu":
        _prepare_cpu()
    width = whisper.model.config.d_model
    precision = pick_precision(device, width) if settings.precision == "auto" else settings.precision
    require_precision(precision, device)
    rate = learning_rate(settings, width)
    rank, ranks = rank_and_ranks()
    set_seed(settings.seed)
    model = _prepared(whisper, settings)
    plan, base_windows = plan_of(whisper, examples, settings), whisper.windows
    whisper.mark_fitted(plan.mode == "fit", plan.least)
    most_bytes = 2 * whisper.model.config.num_mel_bins * max(plan.frames) * -(-plan.clips_per_step // ranks)
    workers = readers(device, most_bytes) if loader_workers is None else loader_workers
    past, watch, times = agreed(read_past(folder)), ProgressLines(validator.metric), Times()
    epochs = past.epochs if past.is_over else settings.passes(len(examples))
    args = arguments(settings, epochs, rate, precision, device, folder, workers)
    kind, options = StepTrainer.get_optimizer_cls_and_kwargs(args)
    groups = parameter_groups(whisper.model, rate, settings.layer_lr_decay, settings.weight_decay)
    trainer = StepTrainer(
        model=model,
        args=args,
        optimizer=(kind, {**options, "params": groups}),
        steps=Steps(examples, plan, settings.variety, rank, ranks),
        validator=validator,
        keep=Diary(folder),
        count=watch.count,
        precision=precision,
        settings=settings,
        callbacks=[
            EarlyStoppingCallback(settings.early_stopping_patience),
            times,
            *([TensorBoardCallback(replayed(tensorboard, past))] if tensorboard and rank == 0 else []),
            *trackers(report_to if rank == 0 else ()),
            *(
                [BeforeFirstStep(lambda: _validate_base(trainer, whisper, base_windows, validator.metric, settings))]
                if measures_base
                else []
            ),
            WatchLoss(whisper.model.config.vocab_size),
            Saving(stop, minutes_between_checkpoints, plan.steps_per_epoch),
            watch,
        ],
    )
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    try:
        trainer.limits, checkpointing = _fit_into_memory(trainer, settings, plan, device)
        if settings.torch_compile:
            trainer.compile(len(plan.windows))
        torch.manual_seed(settings.seed + rank)  # dropout is not the same on every rank
        trainer.train(resume_from_checkpoint=str(past.checkpoint) if past.checkpoint else None)
    finally:
        whisper.model.config.use_cache = True
        merged(model)  # in place: `whisper.model` is the ordinary model again, for another training too
    state = trainer.state
    base, best = best_of(state.log_history)
    return Trained(
        window=plan.mode,
        precision=precision,
        learning_rate=rate,
        ranks=ranks,
        activation_checkpointing=checkpointing,
        rows_at_once=trainer.limits.most(plan.window),
        halvings=trainer.limits.halvings,
        steps=state.global_step,
        epochs=round(float(state.epoch or 0), 2),
        best_step=state.best_global_step or 0,
        best_error_rate=best,
        base_error_rate=base,
        metric=validator.metric,
        clips=len(examples),
        clips_without_speech=len(without_speech(examples)),
        log_history=state.log_history,
        seconds=times.seconds,
    )


def _validate_base(trainer: StepTrainer, whisper: Whisper, base: tuple[bool, int], metric: Metric, settings: Train) -> None:
    """Score the base model in its own window, where the curve begins; no epoch is done, so it is neither chosen nor counted."""
    tuned = whisper.windows
    whisper.mark_fitted(*base)
    found = trainer.validated()
    whisper.mark_fitted(*tuned)
    trainer.log({"eval_loss": found.loss, "eval_error_rate": found.error_rate})
    if trainer.is_world_process_zero():
        print(f"train: before the first step, validation {SHORT[metric]} {found.error_rate:.1f} %", file=sys.stderr)
        if settings.learning_rate == "auto" and found.error_rate > HARDLY_KNOWN:
            told = "the base model hardly knows this speech, of which it may learn more at a higher rate than auto's"
            print(f"train: {told}; train.learning_rate: search tries several", file=sys.stderr)


def _prepare_cpu() -> None:
    keep_memory()  # a quarter of a step's time, on the tiny shape
    # Else the gradient of the decoder's positions is summed in any order, and a resumed run drifts from an unbroken one.
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _prepared(whisper: Whisper, settings: Train) -> nn.Module:
    """The module whose parameters are trained: the model, or LoRA's around it."""
    model = whisper.model
    model.config.use_cache = False
    set_dropout(model, settings.dropout)
    freeze_encoder(model, settings.freeze_encoder_layers)
    return with_lora(model, settings.lora_rank, settings.lora_alpha, settings.lora_dropout) if settings.lora_rank else model


def plan_of(whisper: Whisper, examples: Examples, settings: Train) -> Plan:
    """The plan of which clips make each step, under `settings`."""
    mode = settings.mode(whisper.window_frames, whisper.is_fitted)
    return Plan(
        frames=[len(frames) for frames in examples.frames],
        tokens=[len(label) for label in examples.labels],
        languages=examples.languages,
        mode=mode,
        whole_share=settings.whole_share(mode),
        clips_per_step=settings.effective_batch,
        window=whisper.window_frames,
        max_tokens=whisper.model.config.max_target_positions,
        seed=settings.seed,
        least=settings.least_frames(whisper.is_fitted, whisper.least_window, whisper.window_frames),
        silent=without_speech(examples),
        kept_alone=timed(examples, whisper.tokenizer),
    )


def _fit_into_memory(trainer: StepTrainer, settings: Train, plan: Plan, device: str) -> tuple[Limits, bool]:
    """Find how much the device takes at once, with activation checkpointing only where nothing else helps."""
    mels = trainer.model.config.num_mel_bins

    def trial(rows: int, window: int) -> Tensor:
        frames = torch.zeros(window, mels, dtype=torch.float16)
        tokens = plan.max_tokens if window == plan.window and plan.packs else max(plan.tokens)
        batch = make_batch(frames, [Row(0, window, window, (0,) * tokens)] * rows).to(trainer.args.device)
        return trainer.loss(batch, slice(None))

    trainer.model.train()  # else nothing is checkpointed
    checkpointing = settings.activation_checkpointing is True
    checkpoint_activations(trainer.model, checkpointing)  # a search's earlier training may have had it
    if settings.batch_size != "auto":
        return Limits({plan.window: settings.batch_size}), checkpointing
    windows = sorted(plan.windows, reverse=True)
    reserved = state_bytes(trainer.model, settings.optimizer)
    most = -(-plan.clips_per_step // trainer.args.world_size)
    limits = find_limits(trial, windows, most, reserved, device)
    if limits is None and settings.activation_checkpointing == "auto":
        checkpointing = True
        checkpoint_activations(trainer.model, True)
        limits = find_limits(trial, windows, most, reserved, device)
    trainer.model.zero_grad()
    if limits is None:
        raise too_much(f"model.name: one clip at a time is too much for the memory of this {device}")
    return limits, checkpointing
