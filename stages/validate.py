"""Check the CSV and every clip it names.

Reads the CSV and its audio; writes data/validated: clips.jsonl, a row per usable clip; rejects.csv, a row per row that can't
be used, with line, reason and remedy; and summary.json, the counts.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections.abc import Sequence
from pathlib import Path

from asr.base.entries import Clip, write_json, write_rows
from asr.recordings.clips import check_rows, require_enough
from asr.recordings.parameters import Data
from asr.recordings.rejects import Reject, counted, told, write_rejects
from asr.tables.table import ColumnNames, read_table
from stages.common.machine import read_machine
from stages.common.params import StageParams, read_params

OUT = Path("data/validated")
REJECTS = OUT / "rejects.csv"


class Params(StageParams):
    """What this stage reads of params.yaml."""

    data: Data


def main() -> None:
    """Validate."""
    data = read_params(Params).data
    named = ColumnNames(data.audio_column, data.text_column, data.speaker_column)
    rows = read_table(Path(data.csv), named, "auto", OUT / "recordings").rows
    clips, rejects = check_rows(rows, data.audio_root, read_machine().job_engine)
    write_rows(OUT / "clips.jsonl", clips)
    write_rejects(REJECTS, rejects)
    write_json(OUT / "summary.json", summary(clips, rejects))
    require_enough(clips, rejects, data.min_clips, data.max_reject_share)
    print(f"validate: {len(clips)} of {len(rows)} rows are usable", file=sys.stderr)
    for line in told(rejects, data.csv, REJECTS):
        print(line, file=sys.stderr)


def summary(clips: Sequence[Clip], rejects: Sequence[Reject]) -> dict[str, object]:
    """Count rows, clips, rejects by reason, speakers, repeated audio, and hours of sound."""
    return {
        "rows": len(clips) + len(rejects),
        "clips": len(clips),
        "rejected": counted(rejects),
        "speakers": len({clip.speaker for clip in clips if clip.speaker is not None}),
        "repeated_audio": len(clips) - len({clip.audio_hash for clip in clips}),
        "hours": round(sum(clip.seconds for clip in clips) / 3600, 4),
    }


if __name__ == "__main__":
    run("validate", main, writes=(OUT,))
