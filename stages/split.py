"""Filter the clips and divide them into train, validation and test.

Reads data/validated; writes data/splits: per split a list of audio and, apart from it, a list of transcripts; languages.json,
in what language each clip of the test split is that says its own; and summary.json, the counts.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr.base.entries import TEST_SPLIT, Clip, audio_entries, read_rows, text_entries, write_json, write_rows
from asr.base.text import Normalization, Speech, Text, labels
from asr.recordings.filters import filter_clips
from asr.recordings.parameters import Filter, Split
from asr.recordings.splits import split_clips
from stages.common.params import StageParams, read_params

CLIPS = Path("data/validated/clips.jsonl")
OUT = Path("data/splits")

NOTABLE_LETTER_LOSS = 0.001


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
    filtered = filter_clips(read_rows(CLIPS, Clip), params.filter, normalization)
    label = labels(params.text, normalization)
    splits = split_clips(filtered.kept, params.split)
    for split, clips in splits.items():
        write_rows(OUT / "audio" / f"{split}.jsonl", audio_entries(clips))
        write_rows(OUT / "text" / f"{split}.jsonl", text_entries(split, clips, label))
    write_json(OUT / "languages.json", {clip.id: clip.language for clip in splits[TEST_SPLIT] if clip.language})
    write_json(OUT / "summary.json", summary(splits, filtered.dropped, filtered.letters_lost))
    say_counts(splits, filtered.dropped, filtered.letters_lost, params.text.normalizer)


def summary(splits: Mapping[str, Sequence[Clip]], dropped: Mapping[str, int], lost: float) -> dict[str, object]:
    """Count clips by split and by reason, hours of sound, and letters that the normaliser deletes, in percent."""
    return {
        "dropped": dropped,
        "clips": {name: len(clips) for name, clips in splits.items()},
        "speakers": {name: len({clip.speaker for clip in clips} - {None}) for name, clips in splits.items()},
        "hours": {name: round(sum(clip.seconds for clip in clips) / 3600, 4) for name, clips in splits.items()},
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


if __name__ == "__main__":
    run("split", main, writes=(OUT,))
