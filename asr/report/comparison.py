"""Comparison: two systems on the same clips, and whether one is better than chance explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from asr.base.rates import Metric
from asr.scoring.interval import CONFIDENCE, Difference, Unit
from asr.scoring.predictions import Prediction, Summary, corpus, error_rate, metric_of


@dataclass(frozen=True)
class Comparison:
    """Two systems on what both heard, clip by clip.

    Attributes:
        clips: compared.
        metric: what is compared.
        first, second: the error rate of each on these, in percent.
        difference: second minus first.
        resampled: what was drawn to find its interval.
        better, worse: clips in which the second makes fewer errors than the first, and more.
        only_first, only_second: clips that the other has not heard.
        other_reference: clips that both have heard, with other words or other normalisation as the reference.
    """

    clips: int
    metric: Metric
    first: float
    second: float
    difference: Difference
    resampled: Unit
    better: int
    worse: int
    only_first: int
    only_second: int
    other_reference: int


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
        better=sum(b < a for a, b in zip(one, two, strict=True)),
        worse=sum(b > a for a, b in zip(one, two, strict=True)),
        only_first=len(first) - len(common),
        only_second=len(second) - len(common),
        other_reference=len(common) - len(pairs),
    )


def spelled(p: float | None) -> str:
    """Write a p with three decimals, or that it is under 0.001."""
    return "-" if p is None else f"{p:.3f}" if p >= 0.001 else "under 0.001"


def holm(chances: Sequence[float | None]) -> list[float | None]:
    """Correct the p of comparisons that are looked at together (Holm 1979, A simple sequentially rejective test procedure).

    Of twenty systems that are as good as another, one has a p under 0.05 more often than not. Where all corrected p are held
    against 0.05, the chance that any of the equal ones is called different is at most 5 %, however they depend on each other.

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


Tone = Literal["better", "worse", "same"]


def tone(change: Comparison | None, corrected: float | None = None) -> Tone:
    """Tell whether the second system is better or worse than chance explains; `corrected`: the p, when it is one of several."""
    if change is None or change.difference.interval is None:
        return "same"
    is_sure = change.difference.is_sure if corrected is None else corrected < 1 - CONFIDENCE
    if not is_sure:
        return "same"
    return "worse" if change.difference.points > 0 else "better"


def verdict(comparison: Comparison, second: str, corrected: float | None = None) -> str:
    """Say in a few words what a comparison comes to; `corrected`: its p, when it is one of several."""
    if comparison.difference.interval is None:
        return "too few clips to tell"
    look = tone(comparison, corrected)
    return "no difference beyond chance" if look == "same" else f"{second} is {look}"


def otherness(comparison: Comparison, first: str, second: str) -> str | None:
    """Say how the clips of the two tests differ; None when they don't."""
    counted = {
        f"only in {first}": comparison.only_first,
        f"only in {second}": comparison.only_second,
        "with another reference": comparison.other_reference,
    }
    reasons = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
    return f"the test sets differ: {reasons}; compared on the other {comparison.clips} clips" if reasons else None
