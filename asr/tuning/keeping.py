"""Keeping: how much of the base model a tuned one keeps.

On the straight line between the weights of both, what was forgotten comes back sooner than what was learned goes
(arXiv:2109.01903, arXiv:2210.15282). How far to go is found out by hearing: the validation split, and the clips of each general
set that are there to choose by. The test split and what is tested of the sets are not heard.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asr.base.rates import SHORT, Metric

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Of the base model's weights, in the order in which they are tried."""


@dataclass(frozen=True)
class Point:
    """A model on the line: its share of the base's weights, its error rate on the validation split and on each general set, in
    percent, and by how many points the set that suffered most is worse than with the base model (0 without sets).
    """

    share: float
    error_rate: float
    general: Mapping[str, float]
    forgotten: float


def point(share: float, error_rate: float, general: Mapping[str, float], base: Mapping[str, float]) -> Point:
    """A model on the line; `base` has the base model's error rate on each general set."""
    forgotten = max((rate - base[name] for name, rate in general.items()), default=0.0)
    return Point(share, error_rate, general, round(forgotten, 2))


def along(heard: Callable[[float], Point]) -> list[Point]:
    """Hear one share after the other, until one that has forgotten nothing is followed by one that hears worse."""
    points = list[Point]()
    for share in SHARES:
        points.append(heard(share))
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
