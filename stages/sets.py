"""Check the tables of evaluate.sets: speech that is tested besides the test split.

Reads them, the audio in their folders, decisions.csv, and which clips train and validation have; writes data/sets: clips.jsonl
and audio.jsonl, a row for each clip; text.jsonl, a row for each transcript; rejects.csv, a row for each row that is left out;
copies.csv, a row for each clip whose recording is in train or validation, too; unpacked, the audio that was in a table itself;
and summary.json, the counts.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections.abc import Sequence
from pathlib import Path

from asr.base.copies import Copy, write_copies
from asr.base.entries import AudioEntry, Clip, audio_entries, text_entries
from asr.base.files import read_rows, write_json, write_rows
from asr.base.text import labels
from asr.recordings.joining import parts_of
from asr.recordings.leaks import MOST_TOLD, copies
from asr.recordings.parameters import ExtraSets
from asr.recordings.rejects import counted, told, write_rejects_of_sets
from stages.common.params import read_params
from stages.tables import CheckedTable, Named, check_table
from stages.tables import Params as TableParams

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


class Params(TableParams):
    """What this stage reads of params.yaml."""

    evaluate: ExtraSets


def main() -> None:
    """Check every set."""
    params = read_params(Params)
    UNPACKED.mkdir(parents=True)
    label = labels(params.text, params.normalization)
    sets = {name: check_set(name, csv, params) for name, csv in params.evaluate.sets.items()}
    clips = {clip.id: clip for each in sets.values() for clip in each.clips}  # two sets may share one
    write_rows(OUT / "clips.jsonl", clips.values())
    write_rows(OUT / "audio.jsonl", audio_entries(clips.values()))
    write_rows(OUT / "text.jsonl", [row for name, each in sets.items() for row in text_entries(name, each.clips, label)])
    write_rejects_of_sets(REJECTS, {name: each.rejects for name, each in sets.items()})
    write_json(OUT / "summary.json", {name: summary(each) for name, each in sets.items()})
    splits = read_splits() if sets else {}
    copied = {name: copies(name, each.clips, splits) for name, each in sets.items()}
    write_copies(COPIES, [copy for found in copied.values() for copy in found])
    for name, each in sets.items():
        say_counts(each)
        say_copies(each, copied[name])


def read_splits() -> dict[str, list[Clip]]:
    """The usable clips that a model is made from, by split."""
    clips = read_rows(CLIPS, Clip)
    return {split: parts_of(read_rows(SPLITS / f"{split}.jsonl", AudioEntry), clips) for split in IN_SPLITS}


def check_set(name: str, csv: str, params: Params) -> CheckedTable:
    """The usable clips of a set."""
    return check_table(Named(f"evaluate.sets.{name}", csv, f"sets: {name}", name), params, UNPACKED / name)


def summary(checked: CheckedTable) -> dict[str, object]:
    """Count the rows, those left out by reason, the clips and speakers, and the hours of sound."""
    return {
        "rows": len(checked.clips) + len(checked.rejects) + sum(checked.filtered.dropped.values()),
        "rejected": counted(checked.rejects),
        "dropped": checked.filtered.dropped,
        "clips": len(checked.clips),
        "speakers": len({clip.speaker for clip in checked.clips} - {None}),
        "hours": round(sum(clip.seconds for clip in checked.clips) / 3600, 4),
    }


def say_counts(checked: CheckedTable) -> None:
    """Say what became of a set's rows."""
    reasons = "".join(f"; dropped {count}: {reason}" for reason, count in checked.filtered.dropped.items())
    print(f"{checked.named.log}: {len(checked.clips)} clips{reasons}", file=sys.stderr)
    for line in told(checked.rejects, checked.named.csv, REJECTS):
        print(line, file=sys.stderr)


def say_copies(checked: CheckedTable, found: Sequence[Copy]) -> None:
    """Say which clips of a set a model has been made from."""
    for split, meaning in IN_SPLITS.items():
        inside = [copy for copy in found if copy.split == split]
        if inside:
            count = f"{len(inside)} of its {len(checked.clips)} clips {'is' if len(inside) == 1 else 'are'}"
            print(f"{checked.named.log}: {meaning.format(count=count)}", file=sys.stderr)
        for copy in inside[:MOST_TOLD]:
            print(f"  {copy.path} is {copy.copy_of} ({copy.how})", file=sys.stderr)
        if len(inside) > MOST_TOLD:
            print(f"  and {len(inside) - MOST_TOLD} more, in {COPIES}", file=sys.stderr)


if __name__ == "__main__":
    run("sets", main, writes=(OUT,))
