"""Outliers: clips that are unlike the rest of their set, which is how a wrong transcript shows; and how fast the others are."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from math import ceil, exp, log

import numpy as np

from asr.audio.findings import Finding
from asr.base.entries import Clip
from asr.base.text import spoken

FEWEST = 20
"""Clips of one language; fewer say nothing of what is usual."""

MOST_SPREADS = 6.0
"""Robust standard deviations from the median at which a rate is far from the rest ..."""

LEAST_FACTOR = 3.0
"""... and it has to be so many times higher or lower: clips that are all alike have next to no deviation."""

MAD_TO_DEVIATION = 1.4826
"""A normal distribution's standard deviation, by its median absolute deviation."""

FASTEST = 50.0
"""Characters a second; nobody speaks twice as fast as the fastest do."""

USUAL_SHARE = 0.05
"""Of a set's letters are in each script that is its own."""

EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
"""Scripts that stand in one sentence."""


def outliers(clips: Sequence[Clip]) -> dict[str, list[Finding]]:
    """What is unlike the rest, by the ids of the clips; each language is looked at by itself."""
    found: dict[str, list[Finding]] = defaultdict(list)
    by_language: dict[str | None, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_language[clip.language].append(clip)
    for alike in by_language.values():
        odd = (*_odd_rates(alike), *_odd_scripts(alike)) if len(alike) >= FEWEST else ()
        for clip, finding in odd:
            found[clip.id].append(finding)
        for clip, finding in _too_fast(alike):
            if clip.id not in found:
                found[clip.id].append(finding)
    return found


def _too_fast(clips: Sequence[Clip]) -> Iterator[tuple[Clip, Finding]]:
    """Find transcripts that nobody can say in what is left of their audio without silence."""
    known = [clip for clip in clips if clip.sounding_seconds]
    rates = [len("".join(spoken(clip.text).split())) / clip.sounding_seconds for clip in known]
    usual = float(np.median(rates)) if len(rates) >= FEWEST else FASTEST
    for clip, rate in zip(known, rates, strict=True):
        if rate > min(FASTEST, 2 * LEAST_FACTOR * usual):
            detail = f"{rate:.0f} characters for each of the {clip.sounding_seconds:.2f} s that aren't silence"
            yield clip, Finding("note", "more text than sound", detail, "listen whether all of it is said")


FASTEST_PERCENT, STEP = 99, 10
"""The fastest of the clips are left out, as their transcripts may be wrong. A rate goes up to the next multiple of STEP, so
that a few more clips seldom change it."""


def fastest_pace(clips: Sequence[Clip], label: Callable[[str, str | None], str]) -> int:
    """How fast transcripts are said at most: UTF-8 bytes a second, of transcripts as they are or as they are learned.

    Args:
        clips: with the silence around speech, so that some are faster than this once it is trimmed.
        label: makes of a transcript and its language what is learned.
    """
    sizes = [max(len(text.encode()) for text in (clip.text, label(clip.text, clip.language))) for clip in clips]
    rates = [size / clip.seconds for size, clip in zip(sizes, clips, strict=True)]
    return STEP * max(1, ceil(np.percentile(rates or [0.0], FASTEST_PERCENT) / STEP))


def _odd_rates(clips: Sequence[Clip]) -> Iterator[tuple[Clip, Finding]]:
    """Find transcripts that are far too long or too short for their audio."""
    rates = np.array([len("".join(spoken(clip.text).split())) / clip.seconds for clip in clips])
    logs = np.log(np.maximum(rates, 1e-3))
    middle = float(np.median(logs))
    deviation = MAD_TO_DEVIATION * float(np.median(np.abs(logs - middle)))
    reach = max(MOST_SPREADS * deviation, log(LEAST_FACTOR))
    remedy = "see whether the transcript is this clip's, and whole"
    for clip, rate, is_far in zip(clips, rates, np.abs(logs - middle) > reach, strict=True):
        if is_far:
            detail = f"{rate:.1f} characters a second, where {exp(middle):.1f} are usual"
            yield clip, Finding("warn", "transcript of another length", detail, remedy)


def _odd_scripts(clips: Sequence[Clip]) -> Iterator[tuple[Clip, Finding]]:
    """Find transcripts most of whose letters are of a script that the set hardly has."""
    written = [_scripts(clip.text) for clip in clips]
    total: Counter[str] = Counter()
    for each in written:
        total.update(each)
    letters = sum(total.values())
    usual = {script for script, count in total.items() if count >= USUAL_SHARE * letters}
    names = " and ".join(sorted(script.lower() for script in usual))
    for clip, scripts in zip(clips, written, strict=True):
        foreign = _without(scripts, usual)
        if sum(foreign.values()) > sum(scripts.values()) / 2:
            detail = f"{max(foreign, key=lambda script: foreign[script]).lower()} letters, where the set has {names}"
            yield (
                clip,
                Finding("warn", "other script than the set's", detail, "see whether the transcript is in the right language"),
            )


def _without(scripts: Mapping[str, int], usual: set[str]) -> dict[str, int]:
    return {script: count for script, count in scripts.items() if script not in usual}


def _scripts(text: str) -> Counter[str]:
    """Count a text's letters by script."""
    counted: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if script := _script(character):
            counted[script] += count
    return counted


@cache
def _script(character: str) -> str | None:
    """The first word of a letter's name in Unicode; None for what is no letter."""
    if unicodedata.category(character)[0] != "L":
        return None
    first = unicodedata.name(character, "unknown").split("-")[0].split()[0]
    return "EAST ASIAN" if first in EAST_ASIAN else first
