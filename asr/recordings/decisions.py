"""Decisions: which warnings somebody has overruled, clip by clip."""

import csv
from dataclasses import dataclass
from pathlib import Path

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
    for line, row in enumerate(read_edited(file), start=2):
        if missing := [column for column in COLUMNS if row.get(column) is None]:
            raise DataError(f"{file}:{line}: no {missing[0]}; the columns are {', '.join(COLUMNS)}")
        if None in row:
            raise DataError(f"{file}:{line}: more cells than columns")
        if row["decision"].strip() != KEEP:
            raise DataError(f"{file}:{line}: the decision is {row['decision']!r}; {KEEP} is the only one there is")
        found.add(Decision(row["dataset"], row["path"], row["reason"]))
    return frozenset(found)


def read_edited(file: Path) -> list[dict[str, str]]:
    """Read the cells of each row of a CSV by column; Excel may have put a byte order mark before them.

    Raises:
        DataError: when it is not UTF-8.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            return list(csv.DictReader(text))
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: {error}; save it as CSV in UTF-8") from error
