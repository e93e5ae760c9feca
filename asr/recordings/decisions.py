"""Decisions: which warnings somebody has overruled, clip by clip."""

from dataclasses import dataclass
from pathlib import Path

from asr.base.entries import read_csv
from asr.base.errors import DataError

KEEP = "keep"
COLUMNS = ("dataset", "path", "reason", "decision")


@dataclass(frozen=True)
class Decision:
    """That a clip of a test set, or of one's own data where `dataset` is blank, is used in spite of a warning."""

    dataset: str
    path: str
    reason: str


def read_decisions(file: Path) -> frozenset[Decision]:
    """Read a CSV with COLUMNS.

    Raises:
        DataError: naming a line that holds no decision.
    """
    found = set()
    for line, row in enumerate(read_csv(file), start=2):
        if missing := [column for column in COLUMNS if row.get(column) is None]:
            raise DataError(f"{file}:{line}: no {missing[0]}; the columns are {', '.join(COLUMNS)}")
        if None in row:
            raise DataError(f"{file}:{line}: more cells than columns")
        if row["decision"].strip() != KEEP:
            raise DataError(f"{file}:{line}: the decision is {row['decision']!r}; {KEEP} is the only one there is")
        found.add(Decision(row["dataset"], row["path"], row["reason"]))
    return frozenset(found)
