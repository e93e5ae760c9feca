"""Callbacks of the trainer that act: checkpoints in time, the end on request or when the run diverges, what comes before the
first step; and what a run's log says of that. Those that only tell are in asr/training/history.py.
"""

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from asr.base.errors import DataError
from asr.machine.shutdown import StopRequest
from asr.ranks.group import on_any_rank
from asr.training.epochs import error_rates

MOST_SHARE = 0.05
"""Of a run's time, for checkpoints between epochs: large-v3 and its optimiser's state are 18.5 GB each."""

CHEAP_SECONDS = 1.0
"""A checkpoint that takes less is worth having as often as somebody asks for."""

LOSSES_PER_EPOCH, MOST_STEPS = 100, 10
"""The loss is fetched so many times in a long epoch, and never after more steps, as checkpoints wait for it."""


class StoppedError(Exception):
    """The run was asked to end. Its checkpoint is saved, unless that was in the middle of validation."""


def is_fetched(step: int, steps_per_epoch: int) -> bool:
    """Whether the loss is fetched after this step, counted from 1 on: after each, or in long epochs after some, and the last.

    Whoever reads it waits until the device has done all its work, and then the device waits to be given more.
    """
    every = min(MOST_STEPS, math.ceil(steps_per_epoch / LOSSES_PER_EPOCH))
    return step % steps_per_epoch % every == 0


class Saving(TrainerCallback):
    """When the loss is fetched, and when there are checkpoints between epochs: at some of those steps, so that they lack
    nothing of the log, every so many minutes, or less often where they take long, and when the end is asked for.

    Never after an epoch's last step: the library would then take the epoch for done and skip its validation. There it saves
    of itself once that is over.
    """

    def __init__(self, stop: StopRequest, minutes: float, steps_per_epoch: int) -> None:
        self._stop, self._seconds, self._steps_per_epoch = stop, 60 * minutes, steps_per_epoch
        self._saved, self._began = time.monotonic(), math.inf

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Name the best checkpoint anew, whose path may be another since it was written: in a container, say."""
        best = Path(str(args.output_dir), f"checkpoint-{state.best_global_step}")
        if best.is_dir():
            state.best_model_checkpoint = str(best)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Fetch the loss, and save when it is time."""
        control.should_log = is_fetched(state.global_step, self._steps_per_epoch)
        if not control.should_log:
            return
        due = self._stop.is_made or time.monotonic() - self._saved >= self._seconds
        # Saving is done by all ranks together, and their clocks differ.
        if on_any_rank(due) and state.global_step % self._steps_per_epoch:
            control.should_save = True
            self._began = time.monotonic()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Let the next be as far away as this one was dear, and end when that was asked for."""
        self._saved = time.monotonic()
        took = self._saved - self._began  # of one after an epoch, which begins elsewhere, nothing is known
        self._seconds = max(self._seconds, took / MOST_SHARE if took > CHEAP_SECONDS else 0.0)
        self._began = math.inf
        if on_any_rank(self._stop.is_made):
            raise StoppedError


def best_of(log_history: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """The error rates on the validation split: the base model's, before the first step (nan where nobody asked), and the lowest
    of an epoch.
    """
    base = [entry["eval_error_rate"] for entry in log_history if "eval_error_rate" in entry and not entry["step"]]
    return base[0] if base else math.nan, min(error_rates(log_history).values())


FACTOR = 3.0
"""Times the first loss: far more than one batch is harder than another, or than a rate that is still warming up can spoil."""

SHARE_OF_GUESSING = 0.5
"""Of the loss of who guesses each token of the vocabulary alike: above it, a loss that was small at first says that what the
base model knew is gone. Below it a loss may well be ten times the first, where that is small."""

IN_A_ROW = 3
"""Losses that are fetched one after the other: one spike, or two, pass."""


def divergence(log_history: Sequence[Mapping[str, float]], vocabulary: int) -> str | None:
    """Say it when the log shows that a run leads nowhere, with the first loss and the last; None when it doesn't.

    It does when IN_A_ROW losses of training, or one of validation, are not finite or too large: above FACTOR times the first of
    the kind, and above SHARE_OF_GUESSING.
    """
    for kind, many in (("loss", IN_A_ROW), ("eval_loss", 1)):
        losses = [entry[kind] for entry in log_history if kind in entry]
        if len(losses) <= many:
            continue
        first = next(filter(math.isfinite, losses), 0.0)
        most = max(FACTOR * first, SHARE_OF_GUESSING * math.log(vocabulary))
        if not any(loss <= most for loss in losses[-many:]):
            name = "the loss" if kind == "loss" else "validation's loss"
            return f"{name} was {losses[0]:.3g} at first and is {losses[-1]:.3g}"
    return None


class DivergedError(DataError):
    """The run has diverged, so it is of no use to go on with it."""


class WatchLoss(TrainerCallback):
    """Ends a run that diverges, on all ranks, as all have the same loss. Its checkpoints go: they would only diverge again."""

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Look at the log, whose last entry is new."""
        told = divergence(state.log_history, self._vocabulary)
        if told is None:
            return
        if state.is_world_process_zero:
            for checkpoint in Path(str(args.output_dir)).glob("checkpoint-*"):
                shutil.rmtree(checkpoint)
        raise DivergedError(
            f"step {state.global_step}: {told}; training has diverged: lower train.learning_rate, which is "
            f"{args.learning_rate:g}, to a tenth, or set it to auto. The run's checkpoints are removed, as they lead there too"
        )


class BeforeFirstStep(TrainerCallback):
    """Does something once in a run; one that goes on from a checkpoint has it behind it, in its log."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Do it, unless the run has taken a step."""
        if state.global_step == 0:
            self._do()
