"""Keeping: how much of the base model a tuned one keeps.

On the straight line between the weights of both, what was forgotten comes back sooner than what was learned goes
(arXiv:2109.01903, arXiv:2210.15282). How far to go is found out by hearing: the validation split, clips without speech, and the
clips of each general set that are there to choose by. The test split and what is tested of the sets are not heard.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from asr.base.rates import SHORT, Metric
from asr.machine.device import Precision
from asr.model.whisper import Whisper
from asr.training.batch import Examples
from asr.training.validation import Validation, Validator
from asr.tuning.weights import Weights, between, take, weights_of

MOST_HEARD = 200
"""Clips of the validation split, and of each general set, that are heard with each share of the base model."""

MOST_SILENT = 50
"""Clips without speech that are heard besides."""

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Of the base model's weights, in the order in which they are tried."""


@dataclass(frozen=True)
class Point:
    """A model on the line: its share of the base's weights, its error rate on the validation split and on each general set, in
    percent, and by how many points the set that suffered most is worse than with the base model, less what chance may do (0
    without sets).
    """

    share: float
    error_rate: float
    general: Mapping[str, float]
    forgotten: float


@dataclass(frozen=True)
class Kept:
    """What is kept of the base model: the shares that were tried, in their order, the one that was taken, and the error rate of
    what comes out on the validation split, in percent.
    """

    points: Sequence[Point]
    share: float
    error_rate: float


def kept_as(choice: Mapping[str, Any]) -> Kept:
    """What `dataclasses.asdict` made a mapping of."""
    return Kept(**{**choice, "points": [Point(**each) for each in choice["points"]]})


def keep_best(
    validator: Validator, silent: Examples, general: Mapping[str, Validator], base: Whisper, precision: Precision
) -> Kept:
    """Hear the shares one after the other, and give the validator's model, in place, the weights of the best.

    Args:
        validator: the validation split, and the tuned model, on its device.
        silent: clips without speech, each of whose words is an error, as the base model may write some where nobody speaks.
        general: of each general set the clips to choose by, with the same model.
        base: the base model.
        precision: in which they hear.

    Raises:
        StoppedError: when the run was asked to end.
    """
    whisper, tuned, first = validator.whisper, weights_of(validator.whisper.model), weights_of(base.model)
    judge, judges = validator.some(MOST_HEARD).besides(silent), {name: each.some(MOST_HEARD) for name, each in general.items()}

    def heard(weights: Weights) -> dict[str, Validation]:
        take(whisper.model, weights)
        return {name: each.heard(precision) for name, each in judges.items()}

    windows = whisper.windows
    whisper.mark_fitted(*base.windows)
    of_base = heard(first)
    whisper.mark_fitted(*windows)

    def with_share(share: float) -> Point:
        others = heard(between(tuned, first, share))
        found = point(share, judge.heard(precision).error_rate, others, of_base)
        print(f"train: {told(found, judge.metric)}", file=sys.stderr)
        return found

    points = along(with_share)
    share = chosen(points).share
    take(whisper.model, between(tuned, first, share))
    return Kept(points, share, validator.heard(precision).error_rate)


def keep_share(validator: Validator, base: Whisper, share: float, precision: Precision) -> Kept:
    """Keep this share, which nobody had to choose; otherwise as `keep_best`."""
    mix(validator.whisper, base, share)
    return Kept([], share, validator.heard(precision).error_rate)


def mix(whisper: Whisper, base: Whisper, share: float) -> None:
    """Give a tuned model, in place, so much of the base model's weights."""
    take(whisper.model, between(weights_of(whisper.model), weights_of(base.model), share))


def point(share: float, error_rate: float, general: Mapping[str, Validation], base: Mapping[str, Validation]) -> Point:
    """A model on the line; `general` and `base` are what it and the base model have heard of each general set."""
    forgotten = max((worse(found, base[name]) for name, found in general.items()), default=0.0)
    return Point(share, error_rate, {name: found.error_rate for name, found in general.items()}, round(forgotten, 2))


def worse(found: Validation, base: Validation) -> float:
    """By how many points a model is worse than another on the same clips, less one standard error of this difference.

    A few clips are there to choose by, in which two or three errors more are chance. The standard error is that of a ratio, of
    errors to words, over clips. One of it is what Breiman's rule of one standard error allows for the simpler of two models.
    """
    words, more = np.array(found.words), np.subtract(found.errors, base.errors)
    total, clips = max(words.sum(), 1), len(words)
    rate = more.sum() / total
    chance = sqrt(clips / max(clips - 1, 1) * np.square(more - rate * words).sum()) / total
    return float(100 * (rate - chance))


def along(with_share: Callable[[float], Point]) -> list[Point]:
    """Hear one share after the other, until one that has forgotten nothing is followed by one that hears worse."""
    points = list[Point]()
    for share in SHARES:
        points.append(with_share(share))
        if any(before.forgotten <= 0 and before.error_rate < points[-1].error_rate for before in points):
            break
    return points


def chosen(points: Sequence[Point]) -> Point:
    """The model that hears the validation split best among those that have forgotten nothing; where all have, the one that has
    forgotten least. Of equals, the one that keeps more of the base.
    """
    harmless = [point for point in points if point.forgotten <= 0]
    if harmless:
        return min(harmless, key=lambda point: (point.error_rate, -point.share))
    return min(points, key=lambda point: (point.forgotten, point.error_rate))


def keeping_columns(points: Sequence[Point]) -> tuple[str, ...]:
    """Of a table of points: the share, the error rate on validation, and that on each general set."""
    return ("share", "validation", *(points[0].general if points else ()))


def keeping_row(point: Point) -> dict[str, float]:
    """A row of that table."""
    return {"share": point.share, "validation": point.error_rate, **point.general}


def told(point: Point, metric: Metric) -> str:
    """A share and what it does, in words."""
    general = "".join(f", {name} {rate:.1f} %" for name, rate in point.general.items())
    rate = f"validation {SHORT[metric]} {point.error_rate:.1f} %"
    return f"with {100 * point.share:.0f} % of the base model's weights: {rate}{general}"
