"""Comparison: two systems on the same clips, and whether one is better than chance explains."""

from collections.abc import Sequence
from dataclasses import dataclass

from asr.scoring.interval import Difference, Unit
from asr.scoring.predictions import Prediction, Summary, corpus, error_rate


@dataclass(frozen=True)
class Comparison:
    """Two systems on what both heard, clip by clip.

    Attributes:
        clips: compared.
        first, second: the WER of each on these, in percent.
        difference: second minus first.
        resampled: what was drawn to find its interval.
        better, worse: clips in which the second makes fewer errors than the first, and more.
        only_first, only_second: clips that the other has not heard.
        other_reference: clips that both have heard, with other words or other normalisation as the reference.
    """

    clips: int
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


def verdict(comparison: Comparison, second: str) -> str:
    """Say in a few words what a comparison comes to."""
    difference = comparison.difference
    if difference.interval is None:
        return "too few clips to tell"
    if not difference.is_sure:
        return "no difference beyond chance"
    return f"{second} is {'worse' if difference.points > 0 else 'better'}"


def otherness(comparison: Comparison, first: str, second: str) -> str | None:
    """Say how the clips of the two tests differ; None when they don't."""
    counted = {
        f"only in {first}": comparison.only_first,
        f"only in {second}": comparison.only_second,
        "with another reference": comparison.other_reference,
    }
    reasons = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
    return f"the test sets differ: {reasons}; compared on the other {comparison.clips} clips" if reasons else None
