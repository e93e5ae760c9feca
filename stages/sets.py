"""Check the tables of evaluate.sets: speech that is tested besides the test split.

Reads them, the audio in their folders, decisions.csv, and which clips train and validation have; writes data/sets: clips.jsonl,
a row for each clip; audio.jsonl and text.jsonl, a row for the sound and the transcript of each clip that is tested;
validation_audio.jsonl and validation_text.jsonl, the same of the clips by which train chooses how much it keeps of the base
model; rejects.csv, a row for each row that is left out; copies.csv, a row for each clip whose recording is in train or
validation, too; unpacked, the audio that was in a table itself; and summary.json, the counts.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from asr.base.copies import Copy, write_copies
from asr.base.entries import AudioEntry, Clip, audio_entries, text_entries
from asr.base.files import read_rows, write_json, write_rows
from asr.base.text import labels
from asr.recordings.groups import set_apart
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

Label = Callable[[str, str | None], str]


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
    parts = {name: set_apart(each.clips, params.evaluate.validation_share) for name, each in sets.items()}
    write_part("", {name: tested for name, (tested, _) in parts.items()}, label)
    tested = {clip.id for part, _ in parts.values() for clip in part}
    write_part("validation_", {name: [c for c in part if c.id not in tested] for name, (_, part) in parts.items()}, label)
    write_rejects_of_sets(REJECTS, {name: each.rejects for name, each in sets.items()})
    write_json(OUT / "summary.json", {name: summary(each, *parts[name]) for name, each in sets.items()})
    splits = read_splits() if sets else {}
    copied = {name: copies(name, each.clips, splits) for name, each in sets.items()}
    write_copies(COPIES, [copy for found in copied.values() for copy in found])
    for name, each in sets.items():
        say_counts(each, *(len(part) for part in parts[name]))
        say_copies(each, copied[name])


def write_part(prefix: str, parts: Mapping[str, Sequence[Clip]], label: Label) -> None:
    """Write the clips of each set that are in one part, and their transcripts."""
    clips = {clip.id: clip for part in parts.values() for clip in part}
    write_rows(OUT / f"{prefix}audio.jsonl", audio_entries(clips.values()))
    write_rows(OUT / f"{prefix}text.jsonl", [row for name, part in parts.items() for row in text_entries(name, part, label)])


def read_splits() -> dict[str, list[Clip]]:
    """The usable clips that a model is made from, by split."""
    clips = read_rows(CLIPS, Clip)
    return {split: parts_of(read_rows(SPLITS / f"{split}.jsonl", AudioEntry), clips) for split in IN_SPLITS}


def check_set(name: str, csv: str, params: Params) -> CheckedTable:
    """The usable clips of a set."""
    return check_table(Named(f"evaluate.sets.{name}", csv, f"sets: {name}", name), params, UNPACKED / name)


def summary(checked: CheckedTable, tested: Sequence[Clip], choosing: Sequence[Clip]) -> dict[str, object]:
    """Count the rows, those left out by reason, clips to choose by, and the clips tested with their speakers and hours."""
    return {
        "rows": len(checked.clips) + len(checked.rejects) + sum(checked.filtered.dropped.values()),
        "rejected": counted(checked.rejects),
        "dropped": checked.filtered.dropped,
        "chosen_by": len(choosing),
        "clips": len(tested),
        "speakers": len({clip.speaker for clip in tested} - {None}),
        "hours": round(sum(clip.seconds for clip in tested) / 3600, 4),
    }


def say_counts(checked: CheckedTable, tested: int, choosing: int) -> None:
    """Say what became of a set's rows."""
    reasons = "".join(f"; dropped {count}: {reason}" for reason, count in checked.filtered.dropped.items())
    apart = f", {choosing} more to choose by" if choosing else ""
    print(f"{checked.named.log}: {tested} clips{apart}{reasons}", file=sys.stderr)
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
