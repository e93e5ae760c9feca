"""Callbacks of the trainer: lines that say what is done, how fast and what is left; where the time went; checkpoints in time;
the end on request.
"""

import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import get_reporting_integration_callbacks

from asr.base.errors import DataError
from asr.base.rates import SHORT, Metric
from asr.machine.shutdown import StopRequest
from asr.ranks.group import on_any_rank
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import StepBatch

SECONDS_BETWEEN_LINES = 30.0
MEBI = 2**20

MOST_SHARE = 0.05
"""Of a run's time, for checkpoints between epochs: large-v3 and its optimiser's state are 18.5 GB each."""

CHEAP_SECONDS = 1.0
"""A checkpoint that takes less is worth having as often as somebody asks for."""

LOSSES_PER_EPOCH, MOST_STEPS = 100, 10
"""The loss is fetched so many times in a long epoch, and never after more steps, as checkpoints wait for it."""


class StoppedError(Exception):
    """The run was asked to end. Its checkpoint is saved, unless that was in the middle of validation."""


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
            f"{self._frames / FRAMES_PER_SECOND / seconds:.0f} h of audio/h{_memory()}, {duration(left)} left",
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


def duration(seconds: float) -> str:
    """Write seconds as people say them, the two largest units."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def trackers(names: Sequence[str]) -> list[TrainerCallback]:
    """Make the library's own callbacks for trackers of experiments, by their names: wandb, mlflow and others.

    Raises:
        DataError: when one is not known, or not installed.
    """
    try:
        return [kind() for kind in get_reporting_integration_callbacks(list(names))]
    except (ValueError, RuntimeError, ImportError) as error:
        raise DataError(f"report_to in machine.yaml: {error}") from error


class Times(TrainerCallback):
    """Where the seconds of this process's run went: `waiting` for clips, `computing`, `validating`, `saving`."""

    def __init__(self) -> None:
        self.seconds = {"waiting": 0.0, "computing": 0.0, "validating": 0.0, "saving": 0.0}
        self._marked = time.monotonic()

    def _add(self, kind: str) -> None:
        now = time.monotonic()
        self.seconds[kind] += now - self._marked
        self._marked = now

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock, which should not count what was done before."""
        self._marked = time.monotonic()

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """A step's clips are there."""
        self._add("waiting")

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """A step's work is done, or handed to the device."""
        self._add("computing")

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: Mapping[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """The loss is there, so the device has done all its work, or validation has."""
        for logged, kind in (("loss", "computing"), ("eval_loss", "validating")):
            if logged in (logs or {}):
                self._add(kind)

    def on_save(self, *args: Any, **kwargs: Any) -> None:
        """A checkpoint is written."""
        self._add("saving")


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
