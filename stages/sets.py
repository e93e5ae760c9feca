"""Check the CSVs of evaluate.sets: speech that is tested besides the test split.

Reads them and the audio in their folders; writes data/sets: audio.jsonl, a row for each clip; text.jsonl, a row for each
transcript; rejects.csv, a row for each row that can't be used; and summary.json, the counts.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from asr.clips import Data, Reject, check_rows
from asr.errors import DataError
from asr.manifest import AudioEntry, Clip, write_json, write_rows
from asr.splits import Filter, filter_clips
from asr.table import read_table
from asr.testset import Sets, set_entries
from asr.text import Normalizer, Text, normalizer, require_text_kept
from stages.command import run
from stages.machine import read_engine
from stages.settings import StageParams, read_params

OUT = Path("data/sets")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    data: Data
    evaluate: Sets
    filter: Filter
    text: Text


@dataclass(frozen=True)
class Checked:
    """One set: its clips, and what became of the other rows."""

    name: str
    csv: str
    clips: list[Clip]
    rejects: list[Reject]
    dropped: dict[str, int]


def main() -> None:
    """Check every set."""
    params = read_params(Params)
    normalize = normalizer(params.text.normalizer)
    sets = [checked(name, source, params, normalize) for name, source in params.evaluate.sets.items()]
    clips = {clip.id: clip for each in sets for clip in each.clips}  # two sets may share one
    write_rows(OUT / "audio.jsonl", [AudioEntry(c.id, c.path, c.audio_hash, c.seconds) for c in clips.values()])
    write_rows(OUT / "text.jsonl", [row for each in sets for row in set_entries(each.name, each.clips, normalize)])
    write_rejects(OUT / "rejects.csv", sets)
    write_json(OUT / "summary.json", {each.name: summary(each) for each in sets})
    for each in sets:
        report(each)


def checked(name: str, source: str, params: Params, normalize: Normalizer) -> Checked:
    """The usable clips of a set. Its columns are named as those of data.csv, its paths start at its own folder.

    Raises:
        DataError: when there are none.
    """
    columns = params.data.audio_column, params.data.text_column, params.data.speaker_column
    rows = list(read_table(Path(source), *columns))
    found, rejects = check_rows(rows, str(Path(source).parent), read_engine(), "the folder of its CSV")
    filtered = filter_clips(found, params.filter)
    require_text_kept([clip.text for clip in filtered.kept], params.text.normalizer)
    clips = [clip for clip in filtered.kept if normalize(clip.text)]
    dropped = dict(filtered.dropped)
    if emptied := len(filtered.kept) - len(clips):
        dropped["nothing left by text.normalizer"] = emptied
    if not clips:
        reasons = Counter(reject.reason for reject in rejects) + Counter(dropped)
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        raise DataError(f"evaluate.sets.{name}: none of {source}'s {len(rows)} rows is usable ({told or 'it is empty'})")
    return Checked(name, source, clips, rejects, dict(sorted(dropped.items())))


def summary(checked: Checked) -> dict[str, object]:
    """Counts of rows, of those left out by reason, of clips and speakers, and hours of sound."""
    return {
        "rows": len(checked.clips) + len(checked.rejects) + sum(checked.dropped.values()),
        "rejected": dict(sorted(Counter(reject.reason for reject in checked.rejects).items())),
        "dropped": checked.dropped,
        "clips": len(checked.clips),
        "speakers": len({clip.speaker for clip in checked.clips} - {None}),
        "hours": round(sum(clip.seconds for clip in checked.clips) / 3600, 4),
    }


def write_rejects(path: Path, sets: Sequence[Checked]) -> None:
    """One row per reject, under the name of its set."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", *(field.name for field in fields(Reject))])
        writer.writerows([each.name, *astuple(reject)] for each in sets for reject in each.rejects)


def report(checked: Checked) -> None:
    """Lines for the log."""
    reasons = "".join(f"; dropped {count}: {reason}" for reason, count in checked.dropped.items())
    print(f"sets: {checked.name}: {len(checked.clips)} clips{reasons}", file=sys.stderr)
    for reject in checked.rejects[:10]:
        print(
            f"  {checked.csv}:{reject.line}: {reject.path}: {reject.reason} ({reject.detail}); {reject.remedy}", file=sys.stderr
        )
    if len(checked.rejects) > 10:
        print(f"  and {len(checked.rejects) - 10} more, in {OUT / 'rejects.csv'}", file=sys.stderr)


if __name__ == "__main__":
    run("sets", __doc__, main, writes=(OUT,))
