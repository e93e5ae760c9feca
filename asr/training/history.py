"""The history of a run, as it is told: lines with its speed and what is left, where the time went, TensorBoard and other
trackers, the trainer's log as a table, what has come of it.

Nothing here has a say in what is learned, so an edit makes no other run (asr/runs/facts.py).
"""

import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import get_reporting_integration_callbacks
from transformers.integrations.integration_utils import rewrite_logs

from asr.base.errors import DataError
from asr.base.rates import SHORT, Metric
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import StepBatch
from asr.training.checkpoints import Past

SECONDS_BETWEEN_LINES = 30.0
MEBI = 2**20

COLUMNS = {
    "step": "step",
    "epoch": "epoch",
    "loss": "train_loss",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    "eval_loss": "validation_loss",
    "eval_error_rate": "validation_error_rate",
}
"""What the trainer calls each value, and what the table does."""


class ProgressLines(TrainerCallback):
    """Lines on stderr: after each epoch, and every SECONDS_BETWEEN_LINES within one.

    Speed is over the epoch so far, its training alone. The time left is over this process's whole run so far, validation and
    checkpoints included, as they come again.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
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
            f"train: epoch {math.ceil(state.epoch or 0)} of {state.num_train_epochs}, "
            f"step {state.global_step} of {state.max_steps}, "
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


def replayed(folder: Path, past: Past) -> Any:
    """A TensorBoard writer into an empty folder that has been told what happened before."""
    from torch.utils.tensorboard import SummaryWriter  # here, as not everybody who trains has TensorBoard

    shutil.rmtree(folder, ignore_errors=True)
    writer = SummaryWriter(str(folder))
    for entry in past.log_history:
        step = int(entry["step"])
        for name, value in rewrite_logs({name: value for name, value in entry.items() if name != "step"}).items():
            writer.add_scalar(name, value, step)
    return writer


def curves(log_history: Sequence[Mapping[str, float]]) -> list[dict[str, float | None]]:
    """A row for each step that logged something; a step that trains and validates logs twice. What was not logged is None."""
    rows: dict[float, dict[str, float | None]] = {}
    for entry in log_history:
        row = rows.setdefault(entry["step"], dict.fromkeys(COLUMNS.values()))
        for name, column in COLUMNS.items():
            if row[column] is None:
                row[column] = entry.get(name)
    return [rows[step] for step in sorted(rows)]


def outcome(best_step: int, best: float, result: float, base: float, metric: Metric) -> list[str]:
    """Lines that say what has come of a run, by error rates on the validation split in percent: of the best epoch, of the model
    that comes out, which may be a mean or have a share of the base model, and of the base model.
    """
    rate = f"validation {SHORT[metric]}"
    lines = [f"the best step is {best_step}, {rate} {best:.1f} %, before the first {base:.1f} %"]
    if result >= base:
        lines.append(
            f"the model is no better than the base model: {rate} {base:.1f} % -> {result:.1f} %. Try a lower "
            "train.learning_rate, or more clips; what follows scores a model that is not worth using"
        )
    return lines
