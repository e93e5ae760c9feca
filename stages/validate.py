"""Check the table of clips and the audio that each row names.

Reads data.csv, its audio, and decisions.csv; writes data/validated: clips.jsonl, a row per usable clip; rejects.csv, a row per
row that is left out, with line, reason and remedy; unpacked, the audio that was in the table itself; and summary.json, the
counts.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections import Counter
from pathlib import Path

from asr.base.errors import DataError
from asr.base.files import write_json, write_rows
from asr.recordings.clips import Checked, Source, check_rows, require_enough
from asr.recordings.parameters import Data
from asr.recordings.rejects import counted, told, write_rejects
from asr.tables.table import read_table
from stages.common.decisions import kept_warnings, without_speech
from stages.common.inspections import inspections_file
from stages.common.machine import read_machine
from stages.common.params import StageParams, read_params

OUT = Path("data/validated")
UNPACKED = OUT / "unpacked"
REJECTS = OUT / "rejects.csv"

FEW, MOST_NAMED = 0.1, 5
"""What a larger share of the clips has is a property of the set; of other notes, so many clips are named."""


class Params(StageParams):
    """What this stage reads of params.yaml."""

    data: Data


def main() -> None:
    """Validate."""
    data = read_params(Params).data
    UNPACKED.mkdir(parents=True)
    table = read_table(Path(data.csv), data.columns, data.format, UNPACKED)
    for line in table.told:
        print(f"validate: {line}", file=sys.stderr)
    root = table.root or Path(data.audio_root)
    require_seen(root, data)
    source = Source(str(root), channel=data.channel, kept=kept_warnings(), without_speech=without_speech())
    checked = check_rows(table.rows, source, inspections_file(), read_machine().job_engine)
    write_rows(OUT / "clips.jsonl", checked.clips)
    write_rejects(REJECTS, checked.rejects)
    write_json(OUT / "summary.json", summary(checked))
    print(f"validate: {len(checked.clips)} of {len(table.rows)} rows are usable{noted(checked)}", file=sys.stderr)
    for line in named_notes(checked):
        print(line, file=sys.stderr)
    for line in told(checked.rejects, data.csv, REJECTS, are_learned=True):
        print(line, file=sys.stderr)
    require_enough(checked, data.min_clips, data.max_reject_share)


def require_seen(root: Path, data: Data) -> None:
    """Stop when the audio is where DVC doesn't look for changes, as this stage depends on data.csv and data.audio_root.

    Raises:
        DataError: naming the parameter to change.
    """
    seen = (Path(data.csv), Path(data.audio_root), UNPACKED)
    if not any(root.resolve().is_relative_to(place.resolve()) for place in seen):
        raise DataError(f"{data.csv}: its audio is in {root}; set data.audio_root to that, so that DVC sees a change")


def summary(checked: Checked) -> dict[str, object]:
    """Count rows, clips, rejects and notes by reason, speakers, repeated audio, and hours of sound."""
    clips = checked.clips
    return {
        "rows": len(clips) + len(checked.rejects),
        "clips": len(clips),
        "without_speech": sum(not clip.text for clip in clips),
        "rejected": counted(checked.rejects),
        "noted": notes(checked),
        "speakers": len({clip.speaker for clip in clips if clip.speaker is not None}),
        "repeated_audio": len(clips) - len({clip.id.partition("-")[0] for clip in clips}),
        "hours": round(sum(clip.seconds for clip in clips) / 3600, 4),
    }


def notes(checked: Checked) -> dict[str, int]:
    """Count what is odd about the clips that are used, by reason."""
    return dict(sorted(Counter(note for clip in checked.clips for note in clip.notes).items()))


def noted(checked: Checked) -> str:
    """Say how many clips are without speech, and what is odd about those that are used."""
    silent = sum(not clip.text for clip in checked.clips)
    without = f", {silent} of them without speech" if silent else ""
    listed = ", ".join(f"{count} {reason}" for reason, count in notes(checked).items())
    return f"{without}; used, but noted: {listed}" if listed else without


def named_notes(checked: Checked) -> list[str]:
    """Name the first clips of each reason that few clips have; the data page has all of them."""
    by_reason: dict[str, list[str]] = {}
    for clip in checked.clips:
        for note in clip.notes:
            by_reason.setdefault(note, []).append(clip.path)
    few = {reason: paths for reason, paths in sorted(by_reason.items()) if len(paths) <= max(1, FEW * len(checked.clips))}
    return [
        f"  {reason}: {', '.join(paths[:MOST_NAMED])}{', …' if len(paths) > MOST_NAMED else ''}"
        for reason, paths in few.items()
    ]


if __name__ == "__main__":
    run("validate", main, writes=(OUT,))
