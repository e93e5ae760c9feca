"""Decisions: what somebody has written into rejects.csv, taken over into decisions.csv before the stages run.

The stages write rejects.csv anew each time, and DVC may fetch it from its cache. So what is decided there is put into a file
that git keeps, which all stages that check rows read.
"""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from asr.base.errors import DataError
from asr.base.files import read_csv, replacing, write_csv
from asr.recordings.decisions import COLUMNS, NO_SPEECH, Decision, decided, read_decisions
from asr.recordings.rejects import SPEECHLESS
from stages.common.decisions import DECISIONS

REJECTS = tuple(Path(f"data/{folder}/rejects.csv") for folder in ("validated", "sets", "mix"))
NEEDED = ("path", "severity", "reason", "detail", "decision")


def take_over() -> None:
    """Add what is new in any rejects.csv to decisions.csv.

    Raises:
        DataError: naming a line of any of them whose decision is none, or comes to nothing.
    """
    known = read_decisions(DECISIONS) if DECISIONS.exists() else frozenset()
    new = [each for each in dict.fromkeys(_written()) if each not in known]
    if new:
        rows = read_csv(DECISIONS) if known else []
        columns = list(rows[0]) if rows else COLUMNS  # somebody may have added one
        write_csv(DECISIONS, columns, [*rows, *map(asdict, new)])
        print(f"repro: {len(new)} decisions of rejects.csv are in {DECISIONS} now, for git to keep", file=sys.stderr)


def _written() -> Iterator[Decision]:
    for file in REJECTS:
        for line, row in enumerate(read_csv(file) if file.exists() else [], start=2):
            if missing := [column for column in NEEDED if column not in row]:
                raise DataError(f"{file}:{line}: no column {missing[0]}; save it as CSV")
            dataset = row.get("dataset", "")
            decision = decided(row["decision"] or "", f"{file}:{line}", dataset)
            may_be_used = row["severity"] == "warn" or (decision == NO_SPEECH and row["reason"] in SPEECHLESS)
            if decision and not may_be_used:
                told = f"{file}:{line}: {row['path']} can't be kept: {row['reason']} ({row['detail']})"
                only = row["reason"] in SPEECHLESS and not dataset
                raise DataError(f"{told}; if nobody speaks in it, write {NO_SPEECH}" if only else told)
            if decision:
                yield Decision(dataset, row["path"], row["reason"], decision)


def make_writable() -> None:
    """Give each rejects.csv a file of its own: DVC's is read-only, and one with its cache."""
    for file in REJECTS:
        if file.exists():
            with replacing(file) as copy:
                shutil.copyfile(file, copy)
