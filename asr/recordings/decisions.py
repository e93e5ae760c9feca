"""Decisions: which warnings somebody has overruled, and in which clips nobody speaks, clip by clip."""

from dataclasses import dataclass
from pathlib import Path

from asr.base.errors import DataError
from asr.base.files import read_csv

KEEP, NO_SPEECH = "keep", "no speech"
SPELLINGS = {KEEP: KEEP, NO_SPEECH: NO_SPEECH, "silence": NO_SPEECH}
COLUMNS = ("dataset", "path", "reason", "decision")


@dataclass(frozen=True)
class Decision:
    """That a clip of another table, or of one's own where `dataset` is blank, is used in spite of a reason to leave it out.

    With NO_SPEECH it is one of one's own, of which nothing is to be written, whether it has no transcript, no sound or neither.
    """

    dataset: str
    path: str
    reason: str
    decision: str = KEEP


def decided(cell: str, place: str, dataset: str) -> str:
    """The decision that a cell holds, in whatever case and with whatever between its words; "" where it is blank.

    Raises:
        DataError: naming the place, when it is none, or none that a row of the dataset can have.
    """
    words = " ".join(cell.casefold().replace("_", " ").replace("-", " ").split())
    if words and words not in SPELLINGS:
        raise DataError(f"{place}: the decision is {cell!r}; there are {KEEP} and {NO_SPEECH}")
    decision = SPELLINGS.get(words, "")
    if decision == NO_SPEECH and dataset:
        raise DataError(
            f"{place}: {NO_SPEECH} is for clips to learn from, not for those of a test set or of train.mix: take it back"
        )
    return decision


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
        decision = decided(row["decision"], f"{file}:{line}", row["dataset"])
        if not decision:
            raise DataError(f"{file}:{line}: no decision; write {KEEP} or {NO_SPEECH}, or remove the line")
        found.add(Decision(row["dataset"], row["path"], row["reason"], decision))
    return frozenset(found)
