"""Rejects: the rows that are left out, as they are counted, written down and told."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from asr.audio.findings import Finding, Severity
from asr.audio.inspection import SILENCE
from asr.base.entries import WHOLE, View
from asr.base.files import write_csv

MOST_TOLD = 10

EMPTY = "empty transcript"

SPEECHLESS = frozenset({EMPTY, SILENCE})
"""Reasons that are none for a clip from which a model learns to write nothing."""


@dataclass(frozen=True)
class Reject:
    """A row that is left out, and what to do about it.

    Attributes:
        path: as written, with the part of the file that is meant.
        severity: a clip that is warned of can be kept.
        decision: blank; what somebody writes there is heeded by the next run.
        file: found under that name; blank if there is none.
        start, end: of the part of the file, in seconds.
    """

    line: int
    path: str
    severity: Severity
    reason: str
    detail: str
    remedy: str
    decision: str = ""
    file: str = ""
    start: float | None = None
    end: float | None = None


COLUMNS = tuple(field.name for field in fields(Reject))


def reject(line: int, path: str, finding: Finding, file: str = "", view: View = WHOLE) -> Reject:
    """Leave a row out for a finding."""
    return Reject(
        line, path, finding.severity, finding.reason, finding.detail, finding.remedy,
        file=file, start=view.start, end=view.end,
    )  # fmt: skip


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


def told(rejects: Sequence[Reject], source: str, listed_in: Path, are_learned: bool = False) -> Iterator[str]:
    """Yield a line for each of the first rejects, with its place and its remedy, and one on how to keep some.

    Args:
        rejects: those of one CSV.
        source: that CSV.
        listed_in: the file that has all of them.
        are_learned: whether they are one's own, from which a model may learn to write nothing.
    """
    for reject in rejects[:MOST_TOLD]:
        yield f"  {source}:{reject.line}: {reject.path}: {reject.reason} ({reject.detail}); {reject.remedy}"
    if len(rejects) > MOST_TOLD:
        yield f"  and {len(rejects) - MOST_TOLD} more, in {listed_in}"
    if warned := sum(reject.severity == "warn" for reject in rejects):
        yield f"  {warned} of them could be used: those for which you write keep into the column decision of {listed_in}"
    if are_learned and (speechless := sum(reject.reason in SPEECHLESS for reject in rejects)):
        told = "may teach the model to write nothing: those for which you write no speech"
        yield f"  {speechless} of them {told} into the column decision of {listed_in}"
