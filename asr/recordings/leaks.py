"""Leaks: what is in two splits at once and makes a test easier than what it stands for."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

from asr.audio.fingerprint import near_same
from asr.base.copies import Copy, How
from asr.base.entries import TEST_SPLIT, Clip, part_of
from asr.base.errors import DataError
from asr.base.text import spoken
from asr.recordings.parameters import Split

MOST_TOLD = 10

TESTED = ""
"""Stands for a test set among the splits, none of which is called so."""

Splits = Mapping[str, Sequence[Clip]]


class Placed(NamedTuple):
    """A clip and its split."""

    clip: Clip
    split: str


class Pair(NamedTuple):
    """Two clips in two splits, the earlier line first."""

    first: Placed
    second: Placed


def require_no_leaks(splits: Splits, how: Split) -> str | None:
    """Stop where two splits share audio, and with `disjoint_text` where a sentence of the test split is read in another.

    Returns:
        what to warn of: recordings that sound the same, where `near_same` says to go on.

    Raises:
        DataError: naming the lines of the first pairs of each kind.
    """
    same = same_audio(splits)
    known = {(pair.first.clip.line, pair.second.clip.line) for pair in same}
    copies = [pair for pair in near_same_audio(splits) if (pair.first.clip.line, pair.second.clip.line) not in known]
    told_copies = _told(
        copies,
        "sound like copies of one recording; give both clips the same speaker or split, or remove a row; if they are none, set "
        "split.near_same to warn",
    )
    leaks = [
        _told(same, "have the same audio; give both clips the same speaker or split, or remove a row"),
        told_copies if how.near_same == "fail" else None,
    ]
    if how.disjoint_text:
        remedy = "remove a row, or set split.disjoint_text to false"
        leaks.append(_told(same_sentences(splits), f"have the same sentence; {remedy}"))
    found = [leak for leak in leaks if leak is not None]
    if found:
        raise DataError("\n".join(found))
    return told_copies


def same_audio(splits: Splits) -> list[Pair]:
    """Find clips of the same audio: views of one file that share more than half of the shorter one's time, and a channel."""
    by_file: dict[str, list[Placed]] = {}
    for placed in _all(splits):
        by_file.setdefault(placed.clip.audio_hash, []).append(placed)
    several = [placed for placed in by_file.values() if len({each.split for each in placed}) > 1]
    return _in_order([pair for placed in several for pair in _overlapping(placed)])


def _overlapping(placed: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Yield those in two splits, going along the file: who starts after a clip has ended is passed over."""
    in_time = sorted(placed, key=lambda each: (_start(each.clip), each.clip.line))
    for position, first in enumerate(in_time):
        for second in in_time[position + 1 :]:
            if _start(second.clip) >= _end(first.clip):
                break
            if first.split != second.split and _same_view(first.clip, second.clip):
                yield first, second


def _same_view(first: Clip, second: Clip) -> bool:
    shared = min(_end(first), _end(second)) - max(_start(first), _start(second))
    heard_by_both = first.channel is None or second.channel is None or first.channel == second.channel
    return heard_by_both and shared > min(first.seconds, second.seconds) / 2


def _start(clip: Clip) -> float:
    return clip.start or 0.0


def _end(clip: Clip) -> float:
    return _start(clip) + clip.seconds


def near_same_audio(splits: Splits) -> list[Pair]:
    """Find clips that sound like copies of one recording, by their fingerprints."""
    pairs = []
    for (name, clips), (other, others) in combinations(splits.items(), 2):
        alike = near_same([clip.fingerprint for clip in clips], [clip.fingerprint for clip in others])
        pairs += [(Placed(clips[ours], name), Placed(others[theirs], other)) for ours, theirs in alike]
    return _in_order(pairs)


def copies(dataset: str, tested: Sequence[Clip], splits: Splits) -> list[Copy]:
    """Find the clips of a test set whose recording is in a split, too; of each, the first such clip of each split.

    Args:
        dataset: the set's name.
        tested: its clips.
        splits: those in which none of them should be.

    Returns:
        in the order of the set's lines.
    """
    found: dict[tuple[str, str], tuple[int, Copy]] = {}
    for split, clips in splits.items():
        apart = {TESTED: tested, split: clips}
        known: dict[How, list[Pair]] = {"same audio": same_audio(apart), "sounds alike": near_same_audio(apart)}
        for how, pair in ((how, pair) for how, pairs in known.items() for pair in pairs):
            ours, theirs = sorted(pair, key=lambda placed: placed.split != TESTED)
            copy = Copy(dataset, _named(ours.clip), split, _named(theirs.clip), how)
            found.setdefault((ours.clip.id, split), (ours.clip.line, copy))
    return [copy for _, copy in sorted(found.values(), key=lambda each: each[0])]


def _named(clip: Clip) -> str:
    return part_of(clip.path, clip.view)


def same_sentences(splits: Splits) -> list[Pair]:
    """Find the clips of the test split whose sentence is read in another: each with the first clip that does so."""
    first: dict[str, Placed] = {}
    for placed in _all(splits):
        if placed.split != TEST_SPLIT:
            first.setdefault(sentence(placed.clip.text), placed)
    tested = [(Placed(clip, TEST_SPLIT), first.get(sentence(clip.text))) for clip in splits[TEST_SPLIT] if sentence(clip.text)]
    return _in_order([(placed, found) for placed, found in tested if found is not None])


def shared_sentences(splits: Splits, trained: str = "train") -> dict[str, float]:
    """Count the share of the clips of each other split whose sentence is read in training, too."""
    learned = {sentence(clip.text) for clip in splits[trained]} - {""}
    return {
        name: round(sum(sentence(clip.text) in learned for clip in clips) / len(clips), 4)
        for name, clips in splits.items()
        if name != trained
    }


@cache
def sentence(text: str) -> str:
    """What is said, as letters, their marks and digits alone, in small letters."""
    folded = unicodedata.normalize("NFC", spoken(text)).casefold()
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")


def speakers_in_two_splits(splits: Splits) -> dict[str, int]:
    """Count the speakers who are in more than one split, and their clips."""
    found: dict[str, set[str]] = {}
    for clip, split in _all(splits):
        if clip.speaker is not None:
            found.setdefault(clip.speaker, set()).add(split)
    several = {speaker for speaker, names in found.items() if len(names) > 1}
    return {"speakers": len(several), "clips": sum(clip.speaker in several for clip, _ in _all(splits))}


def _all(splits: Splits) -> list[Placed]:
    return [Placed(clip, split) for split, clips in splits.items() for clip in clips]


def _in_order(pairs: Sequence[tuple[Placed, Placed]]) -> list[Pair]:
    by_line = [Pair(*sorted(pair, key=lambda placed: placed.clip.line)) for pair in pairs]
    return sorted(by_line, key=lambda pair: (pair.first.clip.line, pair.second.clip.line))


def _told(pairs: Sequence[Pair], what: str) -> str | None:
    if not pairs:
        return None
    lines = [
        f"\n  line {first.line} ({first.path}, {split}) and line {second.line} ({second.path}, {other})"
        for (first, split), (second, other) in pairs[:MOST_TOLD]
    ]
    more = f"\n  and {len(pairs) - MOST_TOLD} more pairs" if len(pairs) > MOST_TOLD else ""
    pairs_say = "1 pair of clips in two splits" if len(pairs) == 1 else f"{len(pairs)} pairs of clips in two splits"
    return f"{pairs_say} {what}{''.join(lines)}{more}"
