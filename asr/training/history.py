"""The history of a run: the trainer's log as a table, and what validation heard worst after each epoch."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from transformers import TrainerState

from asr.base.entries import read_csv, write_csv
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
            print(f"train:   {found.cut_off} hypotheses went on past the longest label's length", file=sys.stderr)
        for row in found.clips[:SAID]:
            if row.error_rate:
                print(f"train:   {row.path}: {row.reference!r} heard as {row.hypothesis!r}", file=sys.stderr)

    def read(self) -> list[dict[str, str]]:
        """Read every epoch's utterances, in their order."""
        files = sorted(self.folder.glob("validation-*.csv"), key=lambda path: int(path.stem.rpartition("-")[2]))
        return [row for path in files for row in read_csv(path)]
