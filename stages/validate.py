"""Check the CSV and every clip it names.

Reads the CSV and its audio; writes data/validated: clips.jsonl, a row per usable clip; rejects.csv, a row per row that can't
be used, with line, reason and remedy; and summary.json, the counts.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from asr.clips import Data, Reject, check_rows, require_enough
from asr.manifest import Clip, write_json, write_rows
from asr.table import read_table
from stages.command import run
from stages.machine import read_engine
from stages.settings import StageParams, read_params

OUT = Path("data/validated")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    data: Data


def main() -> None:
    """Validate."""
    data = read_params(Params).data
    rows = list(read_table(Path(data.csv), data.audio_column, data.text_column, data.speaker_column))
    clips, rejects = check_rows(rows, data.audio_root, read_engine())
    OUT.mkdir(parents=True, exist_ok=True)
    write_rows(OUT / "clips.jsonl", clips)
    write_rejects(OUT / "rejects.csv", rejects)
    write_json(OUT / "summary.json", summary(clips, rejects))
    require_enough(clips, rejects, data.min_clips, data.max_reject_share)
    report(data.csv, clips, rejects)


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """One row per reject, under the names of its fields."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(Reject))
        writer.writerows(astuple(reject) for reject in rejects)


def summary(clips: Sequence[Clip], rejects: Sequence[Reject]) -> dict[str, object]:
    """Counts of rows, clips, rejects by reason, speakers, repeated audio, and hours of sound."""
    return {
        "rows": len(clips) + len(rejects),
        "clips": len(clips),
        "rejected": dict(sorted(Counter(reject.reason for reject in rejects).items())),
        "speakers": len({clip.speaker for clip in clips if clip.speaker is not None}),
        "repeated_audio": len(clips) - len({clip.audio_hash for clip in clips}),
        "hours": round(sum(clip.seconds for clip in clips) / 3600, 4),
    }


def report(source: str, clips: Sequence[Clip], rejects: Sequence[Reject]) -> None:
    """A line for the log, and one for each of the first rejects."""
    print(f"validate: {len(clips)} of {len(clips) + len(rejects)} rows are usable", file=sys.stderr)
    for reject in rejects[:10]:
        print(f"  {source}:{reject.line}: {reject.path}: {reject.reason} ({reject.detail}); {reject.remedy}", file=sys.stderr)
    if len(rejects) > 10:
        print(f"  and {len(rejects) - 10} more, in {OUT / 'rejects.csv'}", file=sys.stderr)


if __name__ == "__main__":
    run("validate", __doc__, main, writes=(OUT,))
