"""Decisions: what somebody has written into rejects.csv, taken over into decisions.csv before the stages run.

The stages write rejects.csv anew each time, and DVC may fetch it from its cache. So what is decided there is put into a file
that git keeps, which both stages that check rows read.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from asr.base.entries import read_csv, write_csv
from asr.base.errors import DataError
from asr.recordings.decisions import COLUMNS, KEEP
from stages.common.decisions import DECISIONS

REJECTS = (Path("data/validated/rejects.csv"), Path("data/sets/rejects.csv"))


def take_over() -> None:
    """Add what is new in either rejects.csv to decisions.csv.

    Raises:
        DataError: naming a line whose decision is none, or comes to nothing.
    """
    known = read_csv(DECISIONS) if DECISIONS.exists() else []
    new = [row for row in _written() if row not in known]
    if new:
        write_csv(DECISIONS, COLUMNS, [*known, *new])
        print(f"repro: {len(new)} decisions of rejects.csv are in {DECISIONS} now, for git to keep", file=sys.stderr)


def _written() -> Iterator[dict[str, str]]:
    for file in REJECTS:
        for line, row in enumerate(read_csv(file) if file.exists() else [], start=2):
            decision = (row.get("decision") or "").strip()
            if decision not in ("", KEEP):
                raise DataError(f"{file}:{line}: the decision is {decision!r}; {KEEP} is the only one there is")
            if decision and row.get("severity") != "warn":
                raise DataError(f"{file}:{line}: {row['path']} can't be kept: {row['reason']} ({row['detail']})")
            if decision:
                yield {"dataset": row.get("dataset", ""), "path": row["path"], "reason": row["reason"], "decision": KEEP}


def make_writable() -> None:
    """Give each rejects.csv a file of its own: DVC's is read-only, and one with its cache."""
    for file in REJECTS:
        if file.exists():
            copy = file.with_suffix(".copy")
            shutil.copyfile(file, copy)
            copy.replace(file)
