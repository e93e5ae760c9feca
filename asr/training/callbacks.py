"""Callbacks of the trainer: lines that say what is done, how fast and what is left; checkpoints in time; the end on request."""

import math
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from asr.base.rates import SHORT, Metric
from asr.machine.shutdown import StopRequest
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import StepBatch
from asr.training.ranks import on_any_rank

SECONDS_BETWEEN_LINES = 30.0
MEBI = 2**20

MOST_SHARE = 0.05
"""Of a run's time, for checkpoints between epochs: large-v3 and its optimiser's state are 18.5 GB each."""

CHEAP_SECONDS = 1.0
"""A checkpoint that takes less is worth having as often as somebody asks for."""


class StoppedError(Exception):
    """The run was asked to end; its checkpoint is saved."""


class ProgressLines(TrainerCallback):
    """Lines on stderr: after each epoch, and every SECONDS_BETWEEN_LINES within one.

    Speed is over the epoch so far, its training alone. The time left is over this process's whole run so far, validation and
    checkpoints included, as they come again.
    """

    def __init__(self, epochs: int, metric: Metric) -> None:
        self._epochs, self._metric = epochs, metric
        self._loss = math.nan
        self._clips = self._frames = 0  # of the epoch
        self._steps = 0  # of this process
        self._began = self._epoch_began = self._stepped = self._spoke = time.monotonic()

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock, which should not count what was done before."""
        self._began = self._spoke = time.monotonic()

    def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
        """Measure speed anew."""
        self._clips = self._frames = 0
        self._epoch_began = self._stepped = time.monotonic()

    def count(self, batch: StepBatch) -> None:
        """Add a step that was learned from."""
        self._clips += batch.step_clips
        self._frames += batch.step_frames
        self._steps += 1

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Note when the epoch's latest step ended: validation, which follows the last one, is no part of the speed."""
        self._stepped = time.monotonic()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: Mapping[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Keep the latest loss; say where training stands when it has been a while."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return  # of validation, which has a line of its own, or of the end
        self._loss = loss
        if time.monotonic() - self._spoke >= SECONDS_BETWEEN_LINES:
            self._say(state, "")

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        metrics: Mapping[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Say what the epoch came to."""
        self._say(state, f", validation {SHORT[self._metric]} {(metrics or {}).get('eval_error_rate', math.nan):.1f} %")

    def _say(self, state: TrainerState, result: str) -> None:
        if not state.is_world_process_zero:
            return
        now = time.monotonic()
        seconds = self._stepped - self._epoch_began or math.inf
        left = (state.max_steps - state.global_step) * (now - self._began) / max(self._steps, 1)
        print(
            f"train: epoch {math.ceil(state.epoch or 0)} of {self._epochs}, step {state.global_step} of {state.max_steps}, "
            f"loss {self._loss:.3f}{result}, {self._clips / seconds:.1f} clips/s, "
            f"{self._frames / FRAMES_PER_SECOND / seconds:.0f} s of audio/s{_memory()}, {_duration(left)} left",
            file=sys.stderr,
        )
        self._spoke = now


def _memory() -> str:
    if not torch.cuda.is_available():
        return ""
    try:
        busy = f", GPU {torch.cuda.utilization()} % busy"
    except Exception:  # torch asks pynvml, which needs not be there and has errors of its own
        busy = ""
    return f", {torch.cuda.max_memory_allocated() / MEBI:,.0f} MiB of GPU memory{busy}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


class Saving(TrainerCallback):
    """Checkpoints between epochs, every so many minutes, or less often where they take long, and when the end is asked for.

    Never after an epoch's last step: the library would then take the epoch for done and skip its validation. There it saves
    of itself once that is over.
    """

    def __init__(self, stop: StopRequest, minutes: float, steps_per_epoch: int) -> None:
        self._stop, self._seconds, self._steps_per_epoch = stop, 60 * minutes, steps_per_epoch
        self._saved, self._began = time.monotonic(), math.inf

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Save when it is time."""
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
