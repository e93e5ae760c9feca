"""Filter the clips and divide them into train, validation and test.

Reads data/validated; writes data/splits: per split a list of audio and, apart from it, a list of transcripts; languages.json,
in what language each clip of the test split is that says its own; columns.jsonl, what the table's other columns say of that
split, which the report alone reads; pace.json, how fast the training clips are said at most; and summary.json, the counts.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asr.base.entries import TEST_SPLIT, Clip, audio_entries, column_entries, text_entries
from asr.base.files import read_rows, write_json, write_rows
from asr.base.text import Normalization, Speech, Text, labels
from asr.recordings.filters import filter_clips
from asr.recordings.groups import count_groups
from asr.recordings.joining import join_timed
from asr.recordings.leaks import require_no_leaks, shared_sentences, speakers_in_two_splits
from asr.recordings.outliers import fastest_pace
from asr.recordings.parameters import Filter, Split
from asr.recordings.splits import SPLITS, Division, split_clips
from stages.common.decisions import DECISIONS
from stages.common.params import StageParams, read_params

CLIPS = Path("data/validated/clips.jsonl")
OUT = Path("data/splits")

NOTABLE_LETTER_LOSS = 0.001
EXAMPLES = 10

Label = Callable[[str, str | None], str]


class Params(StageParams):
    """What this stage reads of params.yaml."""

    split: Split
    filter: Filter
    text: Text
    model: Speech


def main() -> None:
    """Filter and split."""
    params = read_params(Params)
    normalization = Normalization.of(params.text, params.model)
    validated = read_rows(CLIPS, Clip)
    clips = join_timed(validated, params.filter.max_seconds) if params.text.timestamps == "keep" else validated
    filtered = filter_clips(clips, params.filter, normalization)
    label = labels(params.text, normalization)
    division = split_clips(filtered.kept, params.split)
    warning = require_no_leaks(division.splits, params.split)
    for split, members in division.splits.items():
        write_rows(OUT / "audio" / f"{split}.jsonl", audio_entries(members))
        write_rows(OUT / "text" / f"{split}.jsonl", text_entries(split, members, label))
    write_json(OUT / "languages.json", {clip.id: clip.language for clip in division.splits[TEST_SPLIT] if clip.language})
    write_rows(OUT / "columns.jsonl", column_entries(TEST_SPLIT, division.splits[TEST_SPLIT]))
    write_json(OUT / "pace.json", {"bytes_per_second": fastest_pace(division.splits["train"], label)})
    dropped = dict(sorted({**filtered.dropped, **division.dropped}.items()))
    found = {
        "joined": len(validated) - len(clips),
        **summary(division, dropped, filtered.letters_lost, params.split.group_by),
    }
    write_json(OUT / "summary.json", found)
    say_counts(division.splits, dropped, filtered.letters_lost, params.text.normalizer)
    say_fairness(division, found, warning)
    if params.text.labels == "normalized":
        say_changes(filtered.kept, label)


def say_changes(clips: Sequence[Clip], label: Label) -> None:
    """Say how many transcripts aren't learned as they are written, with the first of them."""
    changed = [(clip.text, learned) for clip in clips if (learned := label(clip.text, clip.language)) != clip.text]
    print(f"split: text.labels normalized changes {len(changed)} of {len(clips)} transcripts", file=sys.stderr)
    for before, after in list(dict.fromkeys(changed))[:EXAMPLES]:
        print(f"split:   {before!r} -> {after!r}", file=sys.stderr)


def summary(division: Division, dropped: Mapping[str, int], lost: float, group_by: str) -> dict[str, Any]:
    """Count clips by split and by reason, hours of sound, what is in two splits, and letters that the normaliser deletes."""
    splits = division.splits
    return {
        "dropped": dropped,
        "given": division.given_names,
        "clips": {name: len(clips) for name, clips in splits.items()},
        "without_speech": sum(not clip.text for clip in splits["train"]),
        "groups": {name: count_groups(clips, group_by) for name, clips in splits.items()},
        "speakers": {name: len({clip.speaker for clip in clips} - {None}) for name, clips in splits.items()},
        "hours": {name: round(sum(clip.seconds for clip in clips) / 3600, 4) for name, clips in splits.items()},
        "speakers_in_two_splits": speakers_in_two_splits(splits),
        "shared_sentences": shared_sentences(splits),
        "letters_lost_percent": round(100 * lost, 2),
    }


def say_counts(splits: Mapping[str, Sequence[Clip]], dropped: Mapping[str, int], lost: float, name: str) -> None:
    """Say how many clips are where."""
    counts = ", ".join(f"{len(clips)} {split}" for split, clips in splits.items())
    reasons = "".join(f"; dropped {count}: {reason}" for reason, count in dropped.items())
    print(f"split: {counts}{reasons}", file=sys.stderr)
    if lost > NOTABLE_LETTER_LOSS:
        print(
            f"split: text.normalizer {name} deletes {100 * lost:.1f} % of the letters; multilingual keeps them",
            file=sys.stderr,
        )


def say_fairness(division: Division, found: Mapping[str, Any], warning: str | None) -> None:
    """Say which splits are as the data says, what is in two splits, and what `require_no_leaks` warns of."""
    drawn = [split for split in SPLITS if split not in division.given_names]
    lines = []
    if found["without_speech"]:
        lines.append(f"{found['without_speech']} of the training clips are without speech, as {DECISIONS} says")
    if found["joined"]:
        lines.append(f"{found['joined']} parts of recordings are joined to those before them, so that their times are learned")
    if division.given_names:
        rest = f"; {_listed(drawn)} drawn from the other clips" if drawn else ""
        lines.append(f"{_listed(division.given_names)} as column {division.given.column} says{rest}")
    if division.given.doubt:
        lines.append(division.given.doubt)
    if found["speakers_in_two_splits"]["speakers"]:
        lines.append("speakers in two splits or more: {speakers}, with {clips} clips".format(**found["speakers_in_two_splits"]))
    lines.append(f"{100 * found['shared_sentences'][TEST_SPLIT]:.1f} % of the test clips have a sentence that is in train, too")
    for line in [*lines, *([warning] if warning else [])]:
        print(f"split: {line}", file=sys.stderr)


def _listed(splits: Sequence[str]) -> str:
    *first, last = splits
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"


if __name__ == "__main__":
    run("split", main, writes=(OUT,))
