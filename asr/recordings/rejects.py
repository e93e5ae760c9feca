"""Rejects: the CSV's rows that can't be used, as they are counted, written down and told."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from asr.base.entries import write_csv

MOST_TOLD = 10


@dataclass(frozen=True)
class Reject:
    """A row that can't be used, and what to do about it."""

    line: int
    path: str
    reason: str
    detail: str
    remedy: str


COLUMNS = tuple(field.name for field in fields(Reject))


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write rejects as CSV, a row for each."""
    write_csv(path, COLUMNS, map(asdict, rejects))


def write_rejects_of_sets(path: Path, rejects: Mapping[str, Sequence[Reject]]) -> None:
    """Write the rejects of test sets as CSV, a row for each, with the name of its set."""
    rows = ({"dataset": name, **asdict(reject)} for name, some in rejects.items() for reject in some)
    write_csv(path, ("dataset", *COLUMNS), rows)


def counted(rejects: Iterable[Reject]) -> dict[str, int]:
    """Count rejects by reason, in the order of the reasons' names."""
    return dict(sorted(Counter(reject.reason for reject in rejects).items()))


def told(rejects: Sequence[Reject], source: str, listed_in: Path) -> Iterator[str]:
    """Yield a line for each of the first rejects, with its place and its remedy.

    Args:
        rejects: those of one CSV.
        source: that CSV.
        listed_in: the file that has all of them.
    """
    for reject in rejects[:MOST_TOLD]:
        yield f"  {source}:{reject.line}: {reject.path}: {reject.reason} ({reject.detail}); {reject.remedy}"
    if len(rejects) > MOST_TOLD:
        yield f"  and {len(rejects) - MOST_TOLD} more, in {listed_in}"
