"""Check the tables of evaluate.sets: speech that is tested besides the test split.

Reads them, the audio in their folders, decisions.csv, and which clips train and validation have; writes data/sets: audio.jsonl,
a row for each clip; text.jsonl, a row for each transcript; columns.jsonl, what the tables' other columns say, which no stage
reads; rejects.csv, a row for each row that is left out; copies.csv, a row for each clip whose recording is in train or
validation, too; unpacked, the audio that was in a table itself; and summary.json, the counts.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asr.base.copies import Copy, write_copies
from asr.base.entries import AudioEntry, Clip, audio_entries, column_entries, text_entries
from asr.base.errors import DataError
from asr.base.files import read_rows, write_json, write_rows
from asr.base.text import Normalization, Speech, Text, labels
from asr.recordings.clips import Source, check_rows
from asr.recordings.filters import Filtered, filter_clips
from asr.recordings.joining import parts_of
from asr.recordings.leaks import MOST_TOLD, copies
from asr.recordings.parameters import Data, ExtraSets, Filter
from asr.recordings.rejects import Reject, counted, told, write_rejects_of_sets
from asr.tables.table import read_table
from stages.common.decisions import kept_warnings
from stages.common.inspections import inspections_file
from stages.common.machine import read_machine
from stages.common.params import StageParams, read_params

OUT = Path("data/sets")
UNPACKED = OUT / "unpacked"
REJECTS = OUT / "rejects.csv"
COPIES = OUT / "copies.csv"
CLIPS, SPLITS = Path("data/validated/clips.jsonl"), Path("data/splits/audio")
IN_SPLITS = {
    "train": "{count} trained on, so its error rate is too good",
    "validation": "{count} in validation, which chooses the epoch",
}
"""What is said of the clips of a set that are in a split, too."""


class Params(StageParams):
    """What this stage reads of params.yaml."""

    data: Data
    evaluate: ExtraSets
    filter: Filter
    text: Text
    model: Speech


@dataclass(frozen=True)
class CheckedSet:
    """A test set: its clips, and what became of the other rows."""

    name: str
    csv: str
    filtered: Filtered
    rejects: list[Reject]

    @property
    def clips(self) -> list[Clip]:
        """The clips that are tested."""
        return self.filtered.kept


def main() -> None:
    """Check every set."""
    params = read_params(Params)
    UNPACKED.mkdir(parents=True)
    label = labels(params.text, Normalization.of(params.text, params.model))
    sets = [check_set(name, source, params) for name, source in params.evaluate.sets.items()]
    clips = {clip.id: clip for each in sets for clip in each.clips}  # two sets may share one
    write_rows(OUT / "audio.jsonl", audio_entries(clips.values()))
    write_rows(OUT / "text.jsonl", [row for each in sets for row in text_entries(each.name, each.clips, label)])
    write_rows(OUT / "columns.jsonl", [row for each in sets for row in column_entries(each.name, each.clips)])
    write_rejects_of_sets(REJECTS, {each.name: each.rejects for each in sets})
    write_json(OUT / "summary.json", {each.name: summary(each) for each in sets})
    splits = read_splits() if sets else {}
    copied = {each.name: copies(each.name, each.clips, splits) for each in sets}
    write_copies(COPIES, [copy for found in copied.values() for copy in found])
    for each in sets:
        say_counts(each)
        say_copies(each, copied[each.name])


def read_splits() -> dict[str, list[Clip]]:
    """The usable clips that a model is made from, by split."""
    clips = read_rows(CLIPS, Clip)
    return {split: parts_of(read_rows(SPLITS / f"{split}.jsonl", AudioEntry), clips) for split in IN_SPLITS}


def check_set(name: str, source: str, params: Params) -> CheckedSet:
    """The usable clips of a set. Its columns may be named as those of data.csv, its paths start at its own folder.

    Raises:
        DataError: when there are none.
    """
    path = Path(source)
    table = read_table(path, replace(params.data.columns, are_required=False), "auto", UNPACKED / name)
    for line in table.told:
        print(f"sets: {name}: {line}", file=sys.stderr)
    folder = table.root or (path if path.is_dir() else path.parent)
    audio = Source(str(folder), "the folder of its table", params.data.channel, kept_warnings(name))
    checked = check_rows(table.rows, audio, inspections_file(), read_machine().job_engine)
    rejects = checked.rejects
    filtered = filter_clips(checked.clips, params.filter, Normalization.of(params.text, params.model))
    if not filtered.kept:
        reasons = Counter(reject.reason for reject in rejects) + Counter(filtered.dropped)
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        raise DataError(f"evaluate.sets.{name}: none of {source}'s {len(table.rows)} rows is usable ({why or 'it is empty'})")
    return CheckedSet(name, source, filtered, rejects)


def summary(checked: CheckedSet) -> dict[str, object]:
    """Count the rows, those left out by reason, the clips and speakers, and the hours of sound."""
    return {
        "rows": len(checked.clips) + len(checked.rejects) + sum(checked.filtered.dropped.values()),
        "rejected": counted(checked.rejects),
        "dropped": checked.filtered.dropped,
        "clips": len(checked.clips),
        "speakers": len({clip.speaker for clip in checked.clips} - {None}),
        "hours": round(sum(clip.seconds for clip in checked.clips) / 3600, 4),
    }


def say_counts(checked: CheckedSet) -> None:
    """Say what became of a set's rows."""
    reasons = "".join(f"; dropped {count}: {reason}" for reason, count in checked.filtered.dropped.items())
    print(f"sets: {checked.name}: {len(checked.clips)} clips{reasons}", file=sys.stderr)
    for line in told(checked.rejects, checked.csv, REJECTS):
        print(line, file=sys.stderr)


def say_copies(checked: CheckedSet, found: Sequence[Copy]) -> None:
    """Say which clips of a set a model has been made from."""
    for split, meaning in IN_SPLITS.items():
        inside = [copy for copy in found if copy.split == split]
        if inside:
            count = f"{len(inside)} of its {len(checked.clips)} clips {'is' if len(inside) == 1 else 'are'}"
            print(f"sets: {checked.name}: {meaning.format(count=count)}", file=sys.stderr)
        for copy in inside[:MOST_TOLD]:
            print(f"  {copy.path} is {copy.copy_of} ({copy.how})", file=sys.stderr)
        if len(inside) > MOST_TOLD:
            print(f"  and {len(inside) - MOST_TOLD} more, in {COPIES}", file=sys.stderr)


if __name__ == "__main__":
    run("sets", main, writes=(OUT,))
