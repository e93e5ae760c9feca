"""Splits: which of train, validation and test each clip belongs to, and which clips of another table are learned besides."""

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.names import SPLIT_NAMES, split_named
from asr.recordings.given import Given, given_splits
from asr.recordings.groups import AUDIO, deal, group_of
from asr.recordings.parameters import Split

SPLITS = tuple(SPLIT_NAMES)
NOT_GIVEN = "no split given"
NOT_TRAINED = "no speech, of validation or test"


@dataclass(frozen=True)
class Division:
    """Clips by split.

    Attributes:
        splits: the clips of each of SPLITS, in the order given.
        given: what the data itself says.
        dropped: clips that are in no split, counted by reason.
    """

    splits: dict[str, list[Clip]]
    given: Given
    dropped: dict[str, int]

    @property
    def given_names(self) -> list[str]:
        """The splits that are as the data says; the others were drawn."""
        return [split for split in SPLITS if split in self.given.splits]


def split_clips(clips: Sequence[Clip], how: Split) -> Division:
    """Divide clips into SPLITS: as the data says, and by drawing what it doesn't say.

    Those in which nobody speaks are trained on, and decide nothing about the others. Left out are those that the data gives to
    validation or test, and of those of which it says nothing the ones of a group or a file that is in either.

    Clips that are given as test or validation stay there. Those that are missing are drawn from all other clips, and what is
    left of these is train. Where the data has all three, a clip without a split is left out.

    Raises:
        DataError: when a split would be empty, or `how` names a column that isn't there or says no split.
    """
    if how.validation_share + how.test_share >= 1:
        raise DataError("split.validation_share and split.test_share leave nothing to train on; they must sum to less than 1")
    spoken, silent = ([clip for clip in clips if bool(clip.text) == is_spoken] for is_spoken in (True, False))
    division = _divided(spoken, how)
    if not silent:
        return division
    learned = {clip.id for clip in [*division.splits["train"], *_learned(silent, division, how)]}
    train = [clip for clip in clips if clip.id in learned]
    left_out = len(division.splits["train"]) + len(silent) - len(train)
    dropped = {**division.dropped, **({NOT_TRAINED: left_out} if left_out else {})}
    return replace(division, splits={**division.splits, "train": train}, dropped=dropped)


def learned_besides(clips: Sequence[Clip], share: float, trained: int) -> list[Clip]:
    """Draw clips, in the order given, that are at most this share of all that is learned; all of them where they are fewer.

    Those with the lowest hashes are taken, so a clip more or less changes one at most.

    Args:
        clips: of a table besides one's own.
        share: from 0, under 1.
        trained: how many clips are learned besides these.
    """
    most = int(share * trained / (1 - share))
    hashed = ((hashlib.blake2b(f"mix {clip.id}".encode()).digest(), place) for place, clip in enumerate(clips))
    return [clips[place] for place in sorted(place for _, place in heapq.nsmallest(most, hashed))]


def _learned(silent: Sequence[Clip], division: Division, how: Split) -> list[Clip]:
    """Those of the clips without speech of which training may know."""
    groupings = {AUDIO, how.group_by if how.method == "stable" else AUDIO}
    others = [clip for name, clips in division.splits.items() if name != "train" for clip in clips]
    taken = {group_of(clip, by) for clip in others for by in groupings}
    given = [split_named(clip.extra.get(division.given.column or "", "")) for clip in silent]
    return [
        clip
        for clip, name in zip(silent, given, strict=True)
        if name == "train" or (name is None and taken.isdisjoint(group_of(clip, by) for by in groupings))
    ]


def _divided(clips: Sequence[Clip], how: Split) -> Division:
    """Divide clips in which somebody speaks."""
    if not clips:
        raise DataError("there is nothing to divide, every clip was dropped: change the limits under filter")
    given = given_splits(clips, how.column)
    names = list(given.splits)
    complete = set(SPLITS) <= set(names)
    if not complete:
        rest = [place for place, name in enumerate(names) if name in (None, "train")]
        shares = {"test": how.test_share, "validation": how.validation_share}
        drawn = _draw([clips[place] for place in rest], {name: shares[name] for name in shares if name not in names}, how)
        for place, name in zip(rest, drawn, strict=True):
            names[place] = name
    splits = {split: [clip for clip, name in zip(clips, names, strict=True) if name == split] for split in SPLITS}
    empty = [split for split in SPLITS if not splits[split]]
    if empty:
        raise DataError(_why_empty(empty[0], clips, given, how))
    left_out = names.count(None)
    return Division(splits, given, {NOT_GIVEN: left_out} if left_out else {})


def _draw(clips: Sequence[Clip], shares: Mapping[str, float], how: Split) -> list[str]:
    """Name a split for each clip: one of those with a share, or train."""
    if how.method == "random":
        return _random(len(clips), shares, how.seed)
    return deal(clips, {"train": 1 - sum(shares.values()), **shares}, how)


def _random(count: int, shares: Mapping[str, float], seed: int) -> list[str]:
    """Divide as `datasets.Dataset.train_test_split` does, test first: clips may move when the number of clips changes."""
    if count < len(SPLITS):
        return ["train"] * count
    import datasets  # here, as it takes a second and the stable way needs none of it

    rest = datasets.Dataset.from_dict({"position": range(count)})
    names = ["train"] * count
    left = 1.0
    for split, share in shares.items():
        # What is left after the test split is smaller, so validation takes a larger part of it.
        parts = rest.train_test_split(test_size=share / left, seed=seed)
        for position in parts["test"]["position"]:
            names[position] = split
        rest, left = parts["train"], left - share
    return names


def _why_empty(split: str, clips: Sequence[Clip], given: Given, how: Split) -> str:
    speakers = len({clip.speaker for clip in clips if clip.speaker is not None})
    problem = f"the {split} split would be empty ({len(clips)} clips kept, {speakers} speakers)"
    if given.column is not None:
        return f"{problem}; column {given.column} leaves too little for it: change the column, or set split.column to null"
    if how.method == "stable" and how.group_by == "speaker" and speakers:
        return f"{problem}; a speaker is never divided, and three are needed: add speakers, or set split.group_by to audio"
    if how.method == "stable":
        return f"{problem}; a file is never divided, and three are needed: add recordings"
    share = "split.validation_share and split.test_share" if split == "train" else f"split.{split}_share"
    return f"{problem}; change {share}, or add clips"
