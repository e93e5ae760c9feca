"""Filter the clips and divide them into train, validation and test.

Reads data/validated; writes data/splits: per split a list of audio and, apart from it, a list of transcripts; and
summary.json, the counts.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from asr.manifest import AudioEntry, Clip, TextEntry, read_rows, write_json, write_rows
from asr.splits import Filter, Split, filter_clips, split_clips
from asr.text import Normalizer, Text, lost_letter_share, normalizer, normalizer_of_labels, require_text_kept
from stages.command import run
from stages.settings import StageParams, read_params

CLIPS = Path("data/validated/clips.jsonl")
OUT = Path("data/splits")

NOTABLE_LETTER_LOSS = 0.001


class Params(StageParams):
    """What this stage reads of params.yaml."""

    split: Split
    filter: Filter
    text: Text


def main() -> None:
    """Filter and split."""
    params = read_params(Params)
    normalize = normalizer(params.text.normalizer)
    filtered = filter_clips(read_rows(CLIPS, Clip), params.filter)
    texts = [clip.text for clip in filtered.kept]
    require_text_kept(texts, params.text.normalizer)
    kept = [clip for clip in filtered.kept if normalize(clip.text)]
    dropped = dict(filtered.dropped)
    if len(kept) < len(filtered.kept):
        dropped["nothing left by text.normalizer"] = len(filtered.kept) - len(kept)
    splits = split_clips(kept, params.split)
    for name, clips in splits.items():
        write_split(name, clips, normalizer_of_labels(params.text.normalizer))
    lost = lost_letter_share(texts, normalize)
    write_json(
        OUT / "summary.json",
        {
            "dropped": dict(sorted(dropped.items())),
            "clips": {name: len(clips) for name, clips in splits.items()},
            "speakers": {name: len({clip.speaker for clip in clips} - {None}) for name, clips in splits.items()},
            "hours": {name: round(sum(clip.seconds for clip in clips) / 3600, 4) for name, clips in splits.items()},
            "letters_lost_percent": round(100 * lost, 2),
        },
    )
    report(splits, dropped, lost, params.text.normalizer)


def write_split(name: str, clips: Sequence[Clip], normalize: Normalizer) -> None:
    """The split's audio list and its transcript list."""
    write_rows(
        OUT / "audio" / f"{name}.jsonl",
        [AudioEntry(clip.id, clip.path, clip.audio_hash, clip.seconds) for clip in clips],
    )
    write_rows(
        OUT / "text" / f"{name}.jsonl",
        [TextEntry(clip.id, clip.path, normalize(clip.text), clip.text, clip.speaker, clip.extra) for clip in clips],
    )


def report(splits: dict[str, list[Clip]], dropped: dict[str, int], lost: float, name: str) -> None:
    """Lines for the log."""
    counts = ", ".join(f"{len(clips)} {split}" for split, clips in splits.items())
    reasons = "".join(f"; dropped {count}: {reason}" for reason, count in dropped.items())
    print(f"split: {counts}{reasons}", file=sys.stderr)
    if lost > NOTABLE_LETTER_LOSS:
        print(
            f"split: text.normalizer {name} deletes {100 * lost:.1f} % of the letters; multilingual keeps them",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run("split", __doc__, main, writes=(OUT,))
