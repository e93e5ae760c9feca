"""Check the table of train.mix: general speech that is learned besides the training clips, so that less of it is forgotten.

Reads it, the audio in its folder, decisions.csv, how many clips train has, and the clips that a model is tested on, copies of
which would make scores untrue. Writes data/mix: audio.jsonl and text.jsonl, a row for each clip that is learned, without a text
where there is no transcript; rejects.csv, a row for each row that is left out; unpacked, the audio that was in the table; and
summary.json, the counts. Without a table, all of these are empty.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ConfigDict

from asr.base.entries import AudioEntry, Clip, audio_entries, part_of, text_entries
from asr.base.files import count_rows, read_rows, write_json, write_rows
from asr.base.sections import Mix, Section
from asr.base.text import labels
from asr.recordings.clips import Checked
from asr.recordings.joining import parts_of
from asr.recordings.leaks import copies
from asr.recordings.rejects import Reject, counted, told, write_rejects_of_sets
from asr.recordings.splits import learned_besides
from stages.common.params import read_params
from stages.tables import CheckedTable, Named, check_table
from stages.tables import Params as TableParams

OUT = Path("data/mix")
AUDIO, TEXT, REJECTS = OUT / "audio.jsonl", OUT / "text.jsonl", OUT / "rejects.csv"
SUMMARY, UNPACKED = OUT / "summary.json", OUT / "unpacked"
VALIDATED, SPLITS, SETS = Path("data/validated/clips.jsonl"), Path("data/splits/audio"), Path("data/sets/clips.jsonl")
TESTED = ("validation", "test")
KEY, DATASET = "train.mix.csv", "train.mix"
"""What decisions.csv calls the table; no set of evaluate.sets may be called so."""


class Mixed(Section):
    """The part of the section that this stage reads."""

    model_config = ConfigDict(extra="ignore")

    mix: Mix


class Params(TableParams):
    """What this stage reads of params.yaml."""

    train: Mixed


def main() -> None:
    """Check the table, leave out copies of what is tested, and draw the clips that are learned."""
    params = read_params(Params)
    mix = params.train.mix
    UNPACKED.mkdir(parents=True)
    if mix.csv is None:
        write(Checked([], []), [], params)
        return
    table = check_table(Named(KEY, mix.csv, "mix", DATASET, may_lack_text=True), params, UNPACKED)
    checked = without_copies(table, read_tested())
    trained = count_rows(SPLITS / "train.jsonl")
    drawn = learned_besides(checked.clips, mix.share, trained)
    write(checked, drawn, params)
    for line in [say_drawn(checked, drawn, mix.share, trained), *told(checked.rejects, mix.csv, REJECTS)]:
        print(line, file=sys.stderr)


def read_tested() -> dict[str, list[Clip]]:
    """The clips that score a model, or choose its epoch, by what they are called."""
    clips = read_rows(VALIDATED, Clip)
    splits = {split: parts_of(read_rows(SPLITS / f"{split}.jsonl", AudioEntry), clips) for split in TESTED}
    return {**splits, "evaluate.sets": read_rows(SETS, Clip)}


def without_copies(table: CheckedTable, tested: Mapping[str, Sequence[Clip]]) -> Checked:
    """The clips that may be learned, and every other row with its reason, both in the table's order."""
    found = {copy.path: copy for copy in copies(DATASET, table.clips, tested)}
    usable: list[Clip] = []
    rejects = [*table.rejects, *dropped(table.filtered.left_out)]
    for clip in table.clips:
        copy = found.get(part_of(clip.path, clip.view))
        if copy is None:
            usable.append(clip)
        else:
            detail = f"{copy.how}: {copy.copy_of}"
            remedy = "take it out of the table: learning from it would make scores untrue"
            rejects.append(rejected(clip, f"in {copy.split}, too", detail, remedy))
    return Checked(usable, sorted(rejects, key=lambda reject: reject.line))


def dropped(left_out: Iterable[tuple[Clip, str]]) -> Iterator[Reject]:
    """The rows that the filter leaves out."""
    for clip, reason in left_out:
        yield rejected(clip, reason, f"{clip.seconds:.2f} s, {len(clip.text)} characters", "change the limits under filter")


def rejected(clip: Clip, reason: str, detail: str, remedy: str) -> Reject:
    """Leave a clip out, whatever decisions.csv says."""
    path = part_of(clip.path, clip.view)
    return Reject(clip.line, path, "refuse", reason, detail, remedy, file=clip.path, start=clip.start, end=clip.end)


def write(checked: Checked, drawn: Sequence[Clip], params: Params) -> None:
    """Write data/mix."""
    write_rows(AUDIO, audio_entries(drawn))
    write_rows(TEXT, text_entries("mix", drawn, labels(params.text, params.normalization)))
    write_rejects_of_sets(REJECTS, {DATASET: checked.rejects})
    counts = {
        "rows": len(checked.clips) + len(checked.rejects),
        "rejected": counted(checked.rejects),
        "clips": len(checked.clips),
        "learned": len(drawn),
        "without_transcript": sum(not clip.text for clip in drawn),
        "hours": round(sum(clip.seconds for clip in drawn) / 3600, 4),
    }
    write_json(SUMMARY, counts)


def say_drawn(checked: Checked, drawn: Sequence[Clip], share: float, trained: int) -> str:
    """Say how many clips there are, how many are learned, and whether the table has as many as are asked for."""
    usable, rows = len(checked.clips), len(checked.clips) + len(checked.rejects)
    asked = f"the share {share:g} that train.mix.share asks for, beside {trained} training clips"
    learned = f"{len(drawn)} are learned, {asked}" if len(drawn) < usable else f"all are learned, at most {asked}"
    silent = sum(not clip.text for clip in drawn)
    heard = f"; {silent} without a transcript, which the base model will hear" if silent else ""
    return f"mix: {usable} of {rows} rows are usable; {learned}{heard}"


if __name__ == "__main__":
    run("mix", main, writes=(AUDIO, TEXT, REJECTS, SUMMARY, UNPACKED))
