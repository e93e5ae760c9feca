"""The history of a run: how it begins, with the base model's own rate; the trainer's log as a table, and when it shows that the
run diverges; what validation heard worst after each epoch.
"""

import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import rewrite_logs

from asr.base.errors import DataError
from asr.base.files import read_csv, write_csv
from asr.base.rates import SHORT, Metric
from asr.training.validation import HeardClip, Validation

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

KEPT, SAID = 50, 2
"""Utterances of an epoch that are written down and that are printed."""


def curves(log_history: Sequence[Mapping[str, float]]) -> list[dict[str, float | None]]:
    """A row for each step that logged something; a step that trains and validates logs twice. What was not logged is None."""
    rows: dict[float, dict[str, float | None]] = {}
    for entry in log_history:
        row = rows.setdefault(entry["step"], dict.fromkeys(COLUMNS.values()))
        for name, column in COLUMNS.items():
            if row[column] is None:
                row[column] = entry.get(name)
    return [rows[step] for step in sorted(rows)]


def best_of(log_history: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """The error rates on the validation split: the base model's, before the first step (nan where nobody asked), and
    the lowest of an epoch.
    """
    base = [entry["eval_error_rate"] for entry in log_history if "eval_error_rate" in entry and not entry["step"]]
    return base[0] if base else math.nan, min(
        entry["eval_error_rate"] for entry in log_history if "eval_error_rate" in entry and entry["step"]
    )


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


def outcome(best_step: int, best: float, base: float, metric: Metric) -> list[str]:
    """Lines that say what has come of a run, by error rates on the validation split in percent."""
    rate = f"validation {SHORT[metric]}"
    lines = [f"the best step is {best_step}, {rate} {best:.1f} %, before the first {base:.1f} %"]
    if best >= base:
        lines.append(
            f"no epoch is better than the base model: {rate} {base:.1f} % -> {best:.1f} %. Try a lower train.learning_rate, or "
            "more clips; what follows scores a model that is not worth using"
        )
    return lines


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


def replayed(folder: Path, log_history: Sequence[Mapping[str, float]]) -> Any:
    """A TensorBoard writer into an empty folder that has been told what happened before."""
    from torch.utils.tensorboard import SummaryWriter  # here, as not everybody who trains has TensorBoard

    shutil.rmtree(folder, ignore_errors=True)
    writer = SummaryWriter(str(folder))
    for entry in log_history:
        step = int(entry["step"])
        for name, value in rewrite_logs({name: value for name, value in entry.items() if name != "step"}).items():
            writer.add_scalar(name, value, step)
    return writer


DIARY_COLUMNS = ("step", "epoch", *(field.name for field in fields(HeardClip)))


@dataclass(frozen=True)
class Diary:
    """The KEPT worst utterances after each epoch, a file an epoch, worst first: `folder`/validation-STEP.csv."""

    folder: Path

    def __call__(self, state: TrainerState, found: Validation) -> None:
        """Write down an epoch's utterances, and say the worst of them."""
        at = {"step": state.global_step, "epoch": round(state.epoch or 0)}
        rows = [{**at, **asdict(row)} for row in found.clips[:KEPT]]
        write_csv(self.folder / f"validation-{state.global_step}.csv", DIARY_COLUMNS, rows)
        if found.cut_off:
            print(f"train:   {found.cut_off} hypotheses went on for longer than their clips can hold", file=sys.stderr)
        if found.looping:
            print(f"train:   {found.looping} hypotheses went round in a loop", file=sys.stderr)
        for row in found.clips[:SAID]:
            if row.error_rate:
                print(f"train:   {row.path}: {row.reference!r} heard as {row.hypothesis!r}", file=sys.stderr)

    def read(self) -> list[dict[str, str]]:
        """Read every epoch's utterances, in their order."""
        files = sorted(self.folder.glob("validation-*.csv"), key=lambda path: int(path.stem.rpartition("-")[2]))
        return [row for path in files for row in read_csv(path)]
