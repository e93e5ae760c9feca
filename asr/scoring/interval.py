"""Intervals: how sure a corpus rate is, and the difference of two, by the bootstrap.

The corpus is drawn anew many times, with replacement, and the rate taken of every draw. Drawn are speakers, where they are
known, since the errors of one speaker go together; utterances otherwise. The standard error is the draws' standard deviation
times sqrt(n / (n - 1)), n being the effective number of groups, and the interval reaches Student's t of them to either side.
The effective number is Kish's (Survey Sampling, 1965), (sum of words)^2 / sum of words^2: of ten speakers, one of whom says
nine tenths of all, the number tells little more than two would. Percentiles of the draws won't do, not even expanded ones
(Hesterberg, What Teachers Should Know About the Bootstrap, 2015, https://arxiv.org/abs/1411.5279): none lies beyond the draws,
and by two speakers equal systems would be called different every other time.

Interval and p of a difference come of the same error and never disagree. A rate's interval is found for its square root, since
a rate is not below zero, and the higher it is the more it varies.

Of fewer than FEWEST groups there is neither: t makes such an interval wide enough to be true, and too wide to find anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
FEWEST = 5
"""Groups that an interval needs. In simulated test sets (tests/test_interval.py) of 10 and of 20 clips by each, half as many
errors are found by five speakers in 51 and 73 of 100 sets, by four in 32 and 47, by three in 19 and 21, by two in 13 and 10.
"""
FEWEST_DRAWS, MOST_DRAWS = 2_000, 10_000
NUMBERS_DRAWN = 10**7
"""Numbers to draw at random, one for each group in each draw: fewer draws of more groups, within those limits."""
NUMBERS_AT_ONCE = 2**20
ROUNDING = 1e-9
"""Points that are no spread, but what floating point leaves of equal rates."""

Unit = Literal["speakers", "utterances"]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Where a rate lies with CONFIDENCE, in percent."""

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Of two systems' rates on the same utterances, the second minus the first, in percentage points.

    `p`: the chance that equal systems differ at least as much. It and the interval are None where nobody can tell: there are
    fewer than FEWEST groups, or all differ alike, as a few may by chance. Where no utterance differs, p alone is known, 1.
    """

    points: float
    interval: Interval | None
    p: float | None

    @property
    def is_sure(self) -> bool:
        """Whether the systems differ, with CONFIDENCE."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True)
class Corpus:
    """What is drawn: groups of utterances.

    Attributes:
        unit: what a group is.
        group: the number of each utterance's group.
        words: how many were said in each group.
    """

    unit: Unit
    group: NDArray[np.int64]
    words: Numbers

    @classmethod
    def of(cls, words: Sequence[int], speakers: Sequence[str | None]) -> "Corpus":
        """Group utterances by speaker, given the words in each one's reference. One by nobody known is a group of its own.

        If all are by one speaker, nothing can be said of others, and utterances are drawn.
        """
        names = [f"speaker {speaker}" if speaker is not None else number for number, speaker in enumerate(speakers)]
        place = {name: position for position, name in enumerate(dict.fromkeys(names))}
        by_speaker = 1 < len(place) < len(names) or (len(place) > 1 and None not in speakers)
        group = np.array([place[name] for name in names]) if by_speaker else np.arange(len(names))
        return cls("speakers" if by_speaker else "utterances", group, np.bincount(group, words).astype(np.float64))

    @property
    def groups(self) -> int:
        """How many there are to draw."""
        return len(self.words)

    def interval(self, errors: Sequence[int]) -> Interval | None:
        """Find a rate's interval by the errors in each utterance. None: there are too few groups, or all have the same rate."""
        if self.groups < FEWEST:
            return None
        root = sqrt(100 * sum(errors) / max(float(self.words.sum()), 1))
        spread = self._spread(np.sqrt(self._rates(errors)))
        if not spread:
            return None
        reach = self._reach * spread
        return Interval(max(root - reach, 0.0) ** 2, (root + reach) ** 2)

    def difference(self, first: Sequence[int], second: Sequence[int]) -> Difference:
        """Compare two systems by their errors in each utterance."""
        more = [b - a for a, b in zip(first, second, strict=True)]
        points = 100 * sum(more) / max(float(self.words.sum()), 1)
        if self.groups < FEWEST:
            return Difference(points, None, None)
        if not any(more):  # alike in every utterance, which says nothing of how far others would differ
            return Difference(0.0, None, 1.0)
        spread = self._spread(self._rates(more))
        if not spread:
            return Difference(points, None, None)
        reach = self._reach * spread
        p = float(2 * stdtr(self._effective - 1, -abs(points) / spread))
        return Difference(points, Interval(points - reach, points + reach), p)

    def _rates(self, errors: Sequence[int]) -> Numbers:
        """The rate in percent of every draw; the draws are the same for whatever errors."""
        by_group = np.bincount(self.group, errors).astype(np.float64)
        rates = [100 * by_group[drawn].sum(axis=1) / np.maximum(self.words[drawn].sum(axis=1), 1) for drawn in self._draws()]
        return np.concatenate(rates)

    def _draws(self) -> Iterator[NDArray[np.int64]]:
        """The groups in each draw, some draws at a time: shape (draws, groups)."""
        groups, random = len(self.words), np.random.default_rng(0)
        left = min(max(NUMBERS_DRAWN // groups, FEWEST_DRAWS), MOST_DRAWS)
        while left:
            now = min(left, max(1, NUMBERS_AT_ONCE // groups))
            yield random.integers(groups, size=(now, groups))
            left -= now

    def _spread(self, rates: Numbers) -> float:
        spread = float(rates.std()) * sqrt(self._effective / (self._effective - 1))
        return spread if spread > ROUNDING else 0.0

    @property
    def _reach(self) -> float:
        return float(stdtrit(self._effective - 1, (1 + CONFIDENCE) / 2))

    @property
    def _effective(self) -> float:
        """The effective number of groups; two at least, below which t has no spread to speak of."""
        squares = float(np.square(self.words).sum())
        return max(2.0, float(self.words.sum()) ** 2 / squares) if squares else float(self.groups)
