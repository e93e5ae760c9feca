"""Splits: which of train, validation and test each one belongs to."""

import hashlib
from collections.abc import Sequence

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.recordings.parameters import Split

SPLITS = ("train", "validation", "test")


def split_clips(clips: Sequence[Clip], how: Split) -> dict[str, list[Clip]]:
    """Divide clips into SPLITS, each in the order given.

    Raises:
        DataError: when a split would be empty.
    """
    if how.validation_share + how.test_share >= 1:
        raise DataError("split.validation_share and split.test_share leave nothing to train on; they must sum to less than 1")
    names = _stable(clips, how) if how.method == "stable" else _random(len(clips), how)
    splits = {split: [clip for clip, name in zip(clips, names, strict=True) if name == split] for split in SPLITS}
    empty = [split for split in SPLITS if not splits[split]]
    if empty:
        raise DataError(_why_empty(empty[0], clips, how))
    return splits


def _stable(clips: Sequence[Clip], how: Split) -> list[str]:
    """Place each clip by a hash of its group alone, so that other clips, come or gone, never move it."""
    return [_place(_group(clip, how.group_by), how) for clip in clips]


def _group(clip: Clip, group_by: str) -> str:
    if group_by == "speaker" and clip.speaker is not None:
        return f"speaker {clip.speaker}"
    return f"audio {clip.audio_hash}"


def _place(group: str, how: Split) -> str:
    digest = hashlib.blake2b(f"{how.seed} {group}".encode(), digest_size=8).digest()
    position = int.from_bytes(digest) / 2**64
    if position < how.test_share:
        return "test"
    return "validation" if position < how.test_share + how.validation_share else "train"


def _random(count: int, how: Split) -> list[str]:
    """Divide as `datasets.Dataset.train_test_split` does, test first: clips may move when the number of clips changes."""
    if count < len(SPLITS):
        return ["train"] * count
    import datasets  # here, as it takes a second and the stable way needs none of it

    rest = datasets.Dataset.from_dict({"position": range(count)})
    names = ["train"] * count
    # What is left after the test split is smaller, so validation takes a larger part of it.
    shares = {"test": how.test_share, "validation": how.validation_share / (1 - how.test_share)}
    for split, share in shares.items():
        parts = rest.train_test_split(test_size=share, seed=how.seed)
        for position in parts["test"]["position"]:
            names[position] = split
        rest = parts["train"]
    return names


def _why_empty(split: str, clips: Sequence[Clip], how: Split) -> str:
    speakers = len({clip.speaker for clip in clips if clip.speaker is not None})
    problem = f"the {split} split would be empty ({len(clips)} clips kept, {speakers} speakers)"
    if not clips:
        return f"{problem}; every clip was dropped: change the limits under filter"
    if how.method == "stable" and how.group_by == "speaker" and speakers:
        return f"{problem}; a speaker is never divided: change split.seed, or set split.group_by to audio"
    share = "split.validation_share and split.test_share" if split == "train" else f"split.{split}_share"
    return f"{problem}; change split.seed or {share}, or add clips"
