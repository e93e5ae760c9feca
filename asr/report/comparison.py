"""Comparison: two systems on the same clips, and whether one is better than chance explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import bdtr

from asr.base.rates import Metric
from asr.scoring.interval import FEWEST, Corpus, Difference, Unit
from asr.scoring.predictions import Prediction, Summary, corpus, error_rate, metric_of

SIGN_LEVEL = 0.005
"""A sign test's p under which clips point one way. It is asked where the rates have told nothing."""
SURE_LEVEL = 0.045
"""A difference's p under which it is sure: with the sign test, that is wrong of 5 in 100 equal systems (Bonferroni)."""
TELLING_SHARE, TELLING_POINTS = 0.5, 1.0
"""An interval could have found a difference where it reaches no further to either side than this share of the higher
error rate, or than so many points.
"""


@dataclass(frozen=True)
class Chances:
    """How probable it is that equal systems differ as much: by their error rates, None where nobody can tell, and by the clips
    that point either way. Both are corrected where a comparison is one of several.
    """

    rates: float | None
    signs: float


@dataclass(frozen=True)
class Comparison:
    """Two systems on what both heard, clip by clip.

    Attributes:
        clips: compared.
        metric: what is compared.
        first, second: the error rate of each on these, in percent.
        difference: second minus first.
        resampled: what is drawn to find its interval.
        groups: how many of these there are.
        speakers: who are known.
        better, worse: clips in which the second makes fewer errors than the first, and more.
        same: clips of which both have the same hypothesis, as normalised.
        heaviest: what has more than half of the errors by which the two differ, clip by clip; None: nothing alone.
        only_first, only_second: clips that the other has not heard.
        other_reference: clips that both have heard, with other words or other normalisation as the reference.
    """

    clips: int
    metric: Metric
    first: float
    second: float
    difference: Difference
    resampled: Unit
    groups: int
    speakers: int
    better: int
    worse: int
    same: int
    heaviest: Literal["clip", "speaker"] | None
    only_first: int
    only_second: int
    other_reference: int

    @property
    def chances(self) -> Chances:
        """By chance alone, with the sign test of the clips that point either way (two-sided, ties left out)."""
        fewer, told = min(self.better, self.worse), self.better + self.worse
        return Chances(self.difference.p, min(1.0, 2 * float(bdtr(fewer, told, 0.5))))


@dataclass(frozen=True)
class Outcome:
    """A test set before and after tuning. `change`: None where the two have no clip in common."""

    name: str
    base: Summary
    tuned: Summary
    change: Comparison | None


def compare(first: Sequence[Prediction], second: Sequence[Prediction]) -> Comparison | None:
    """Match clips by their audio and compare them; None when no clip is common to both with the same reference."""
    by_id = {row.id: row for row in second}
    common = [(row, by_id[row.id]) for row in first if row.id in by_id]
    pairs = sorted(((a, b) for a, b in common if a.reference == b.reference), key=lambda pair: pair[0].id)
    if not pairs:
        return None
    firsts, seconds = [a for a, _ in pairs], [b for _, b in pairs]
    drawn, one, two = corpus(firsts), [row.errors for row in firsts], [row.errors for row in seconds]
    return Comparison(
        clips=len(pairs),
        metric=metric_of(firsts),
        first=error_rate(firsts),
        second=error_rate(seconds),
        difference=drawn.difference(one, two),
        resampled=drawn.unit,
        groups=drawn.groups,
        speakers=len({row.speaker for row in firsts} - {None}),
        better=sum(b < a for a, b in zip(one, two, strict=True)),
        worse=sum(b > a for a, b in zip(one, two, strict=True)),
        same=sum(a.hypothesis == b.hypothesis for a, b in pairs),
        heaviest=_heaviest(drawn, [abs(b - a) for a, b in zip(one, two, strict=True)]),
        only_first=len(first) - len(common),
        only_second=len(second) - len(common),
        other_reference=len(common) - len(pairs),
    )


def _heaviest(drawn: Corpus, differing: Sequence[int]) -> Literal["clip", "speaker"] | None:
    """What has more than half of the errors by which two systems differ."""
    half = sum(differing) / 2
    if max(differing) > half:
        return "clip"
    return "speaker" if drawn.unit == "speakers" and np.bincount(drawn.group, differing).max() > half else None


def holm(chances: Sequence[float | None]) -> list[float | None]:
    """Correct the p of comparisons that are looked at together (Holm 1979, A simple sequentially rejective test procedure).

    Of twenty systems that are as good as another, one has a p under 0.05 more often than not. Where all corrected p are held
    against a level, the chance that any of the equal ones is called different is that at most, however they depend on each
    other.

    Args:
        chances: the p of each comparison; None where nobody can tell, which counts for nothing.

    Returns:
        their corrected p, in the same order.
    """
    ordered = sorted((p, position) for position, p in enumerate(chances) if p is not None)
    corrected: list[float | None] = [None] * len(chances)
    least = 0.0
    for before, (p, position) in enumerate(ordered):
        least = max(least, min(1.0, p * (len(ordered) - before)))
        corrected[position] = least
    return corrected


Finding = Literal[
    "identical",
    "as many errors in each clip",
    "better",
    "worse",
    "better in most clips",
    "worse in most clips",
    "no difference beyond chance",
    "too uncertain to tell",
    "not quite sure",
    "too few to tell",
]
Tone = Literal["better", "worse", "same", "unsure"]


def finding(change: Comparison, corrected: Chances | None = None) -> Finding:
    """What a comparison comes to; `corrected`: its chances, when it is one of several.

    Better or worse is of the error rate, and of whoever might have been drawn; in most clips is of these clips alone.
    """
    difference, chances = change.difference, corrected or change.chances
    if change.same == change.clips:
        return "identical"
    if not change.better + change.worse:
        return "as many errors in each clip"
    if difference.interval and chances.rates is not None and chances.rates < SURE_LEVEL:
        return "worse" if difference.points > 0 else "better"
    if chances.signs < SIGN_LEVEL:
        return "worse in most clips" if change.worse > change.better else "better in most clips"
    if change.groups < FEWEST:
        return "too few to tell"
    if difference.is_sure:
        return "not quite sure"
    return "no difference beyond chance" if _could_tell(change) else "too uncertain to tell"


def _could_tell(change: Comparison) -> bool:
    interval = change.difference.interval
    telling = max(TELLING_POINTS, TELLING_SHARE * max(change.first, change.second))
    return interval is not None and (interval.high - interval.low) / 2 <= telling


def tone(change: Comparison | None, corrected: Chances | None = None) -> Tone:
    """The colour of a finding: a side only where it is sure, and the same only where that was found."""
    found = finding(change, corrected) if change else None
    match found:
        case "better" | "worse":
            return found
        case "identical" | "as many errors in each clip" | "no difference beyond chance":
            return "same"
    return "unsure"


def otherness(comparison: Comparison, first: str, second: str) -> str | None:
    """Say how the clips of the two tests differ; None when they don't."""
    counted = {
        f"only in {first}": comparison.only_first,
        f"only in {second}": comparison.only_second,
        "with another reference": comparison.other_reference,
    }
    reasons = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
    return f"the test sets differ: {reasons}; compared on the other {comparison.clips} clips" if reasons else None
