"""Groups: clips that stay together, such as those of one speaker, and how groups are dealt out to splits."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import inf
from typing import Literal

from asr.base.entries import TEST_SPLIT, Clip
from asr.base.errors import DataError
from asr.recordings.parameters import Split

MANY = 10
"""When the smallest split may expect so many groups of a stratum, each group is placed by its hash alone."""

SPEAKER: Literal["speaker"] = "speaker"
AUDIO: Literal["audio"] = "audio"
VALIDATION = "validation"


def group_of(clip: Clip, group_by: str) -> str:
    """The name of a clip's group: its speaker, or else its file, of which all parts stay together."""
    if group_by == "speaker" and clip.speaker is not None:
        return f"{SPEAKER} {clip.speaker}"
    return f"{AUDIO} {clip.audio_hash}"


def deal(clips: Sequence[Clip], shares: Mapping[str, float], how: Split) -> list[str]:
    """Name a split for each clip. It depends on which groups there are and on the seed, and not on how many clips they have.

    Speakers are dealt out first, and files of nobody known apart from them, so that neither move when
    the others grow (once there are three speakers).

    Args:
        clips: in any order.
        shares: of groups, by the splits' names: train, then those to draw; they sum to 1.
        how: says what is a group, what a stratum, and the seed.
    """
    names = [group_of(clip, how.group_by) for clip in clips]
    strata: dict[str, str] = {}
    for name, stratum in zip(names, _strata(clips, how.stratify), strict=True):
        strata[name] = min(stratum, strata.get(name, stratum))
    splits: dict[str, str] = {}
    for kind in (SPEAKER, AUDIO):
        of_kind = {name: stratum for name, stratum in strata.items() if name.startswith(f"{kind} ")}
        # Splits that have got a speaker aren't owed a file.
        splits |= _deal(of_kind, shares, how.seed, islice(_seats(shares), min(len(splits), len(shares)), None))
    return [splits[name] for name in names]


FEWEST_GROUPS = 8
"""Of a test set that gives some away: of fewer, an interval on what is left would say nothing."""


def set_apart(clips: Sequence[Clip], share: float) -> tuple[list[Clip], list[Clip]]:
    """Divide a test set into clips that are tested and clips by which something may be chosen; no speaker is in both.

    Args:
        clips: of the set.
        share: of its speakers, or of its files where nobody knows who speaks, whose clips are chosen by. Of fewer than
            FEWEST_GROUPS all are tested.
    """
    if not share or count_groups(clips, SPEAKER) < FEWEST_GROUPS:
        return list(clips), []
    by_speaker = Split(method="stable", group_by=SPEAKER, validation_share=share, test_share=1 - share, seed=0)
    parts = deal(clips, {TEST_SPLIT: 1 - share, VALIDATION: share}, by_speaker)
    tested, choosing = (
        [clip for clip, part in zip(clips, parts, strict=True) if part == name] for name in (TEST_SPLIT, VALIDATION)
    )
    return tested, choosing


def _strata(clips: Sequence[Clip], column: str | None) -> list[str]:
    if column is None:
        return [""] * len(clips)
    own = {"speaker": [clip.speaker for clip in clips], "language": [clip.language for clip in clips]}
    values = [value or "" for value in own.get(column, [clip.extra.get(column) for clip in clips])]
    if clips and not any(values):
        columns = ", ".join(dict.fromkeys(name for clip in clips for name in clip.extra)) or "none"
        raise DataError(f"split.stratify: no clip has a {column}; besides speaker and language, the columns are {columns}")
    return values


def _deal(strata: Mapping[str, str], shares: Mapping[str, float], seed: int, seats: Iterator[str]) -> dict[str, str]:
    """Go through the groups of each stratum in the order of their hashes: those in front test, those at the end validate."""
    members: dict[str, list[tuple[float, str]]] = {}
    for name, stratum in strata.items():
        members.setdefault(stratum, []).append((_place(name, seed), name))
    splits: dict[str, str] = {}
    for _, places in sorted(members.items()):
        if len(places) * min(shares.values()) >= MANY:
            splits |= {name: _by_place(place, shares) for place, name in places}
            continue
        quota = Counter(islice(seats, len(places)))
        order = ["test"] * quota["test"] + ["train"] * quota["train"] + ["validation"] * quota["validation"]
        splits |= {name: split for (_, name), split in zip(sorted(places), order, strict=True)}
    return splits


def _place(name: str, seed: int) -> float:
    """A place from 0 to 1, by the hash."""
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _by_place(place: float, shares: Mapping[str, float]) -> str:
    if place < shares.get("test", 0):
        return "test"
    return "validation" if place >= 1 - shares.get("validation", 0) else "train"


def _seats(shares: Mapping[str, float]) -> Iterator[str]:
    """Yield the split that each further group is for: each split in turn, then the one that lacks most (Sainte-Laguë's method).

    So one more group is one more for one split, and the others keep their number.
    """
    seats = dict.fromkeys(shares, 0)
    while True:
        split = max(shares, key=lambda name: shares[name] / (seats[name] + 0.5) if seats[name] else inf)
        seats[split] += 1
        yield split


def count_groups(clips: Iterable[Clip], group_by: str) -> int:
    """Count the groups that the clips are of."""
    return len({group_of(clip, group_by) for clip in clips})
