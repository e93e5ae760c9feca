"""Charts: from points to what an SVG draws. Places are in the units of the drawing; the markup is the page's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 388, 12, 196
"""Where the lines are drawn; around it there is room for labels."""

MOST_TICKS = 5
MOST_POINTS = 600
"""Points drawn of a line; more would not be seen."""

MOST_MARKS = 40
"""Points of a line up to which each gets a dot of its own."""

MOST_COLUMNS = 24
GAP = 1.5
"""Between two columns."""

EXTREME = 0.005
"""The share of values at either end that a histogram has in its outermost column: one of 100 s would squeeze all others."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there."""

    place: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A point to be pointed at, and what it says then."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Line:
    """A line as SVG path data, with its points when they are few."""

    name: str
    path: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Column:
    """A column of a histogram, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart of lines or of columns, ready to be drawn; `summary` describes it for a screen reader."""

    title: str
    x_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    summary: str
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Scale:
    """What an axis spans, and the round numbers on it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float, start: float, end: float) -> float:
        """Place a value on an axis that is drawn from `start` to `end`."""
        return round(start + (end - start) * (value - self.low) / (self.high - self.low), 1)


@dataclass(frozen=True)
class Bar:
    """A bar and the interval around its end, in percent of the room there is; `goes_on`: one of them needs more room."""

    length: float
    low: float | None
    high: float | None
    goes_on: bool


def draw(title: str, x_name: str, unit: str, series: Mapping[str, Sequence[Point]]) -> Chart | None:
    """Draw lines over one x axis; None when no series has a point. Points that are no number are left out."""
    known = {name: finite for name, points in series.items() if (finite := _finite(points))}
    if not known:
        return None
    xs = exact_scale([x for points in known.values() for x, _ in points])
    ys = round_scale([y for points in known.values() for _, y in points])
    return Chart(
        title,
        x_name,
        tuple(Tick(xs.place(value, LEFT, RIGHT), short(value)) for value in xs.ticks),
        tuple(Tick(ys.place(value, BOTTOM, TOP), short(value)) for value in ys.ticks),
        tuple(_line(name, points, xs, ys, f"{x_name} {{}}: {{}}{unit}") for name, points in known.items()),
        f"{title} by {x_name}. " + " ".join(_told(name, points, x_name, unit) for name, points in known.items()),
    )


def histogram(title: str, x_name: str, values: Sequence[float]) -> Chart | None:
    """Draw how many clips there are of each value, one for each clip; None when there are none.

    `x_name` says what the values are. Those that are no number are left out.
    """
    ordered = sorted(value for value in values if isfinite(value))
    if not ordered:
        return None
    few = int(EXTREME * len(ordered))
    low, high = ordered[few], ordered[-1 - few]
    step = _step((high - low) / MOST_COLUMNS or 1)
    first = floor(_clean(low / step))
    last = max(ceil(_clean(high / step)) - 1, first)
    counted = Counter(min(max(floor(_clean(value / step)), first), last) for value in ordered)
    xs = exact_scale([_clean(edge * step) for edge in (first, last + 1)])
    ys = round_scale([0, max(MOST_TICKS, *counted.values())])
    return Chart(
        title,
        x_name,
        tuple(Tick(xs.place(value, LEFT, RIGHT), short(value)) for value in xs.ticks),
        tuple(Tick(ys.place(value, BOTTOM, TOP), short(value)) for value in ys.ticks),
        (),
        f"{title}: {x_name} from {short(ordered[0])} to {short(ordered[-1])}, "
        f"half of them up to {short(ordered[(len(ordered) - 1) // 2])}.",
        tuple(_column(_clean(number * step), step, count, ordered, xs, ys) for number, count in sorted(counted.items())),
    )


def round_scale(values: Sequence[float]) -> Scale:
    """Make an axis from one round number to another; from zero, unless that would leave more than half of it empty."""
    low, high = min(values), max(values)
    low = min(low, 0) if low == high or low < high / 2 else low
    high = high if high > low else low + 1
    step = _step((high - low) / MOST_TICKS)
    ticks = _multiples(step, floor(_clean(low / step)), ceil(_clean(high / step)))
    return Scale(ticks[0], ticks[-1], ticks)


def exact_scale(values: Sequence[float]) -> Scale:
    """Make an axis from the least value to the greatest, with the round numbers between."""
    low, high = min(values), max(values)
    if low == high:
        low, high = (0.0, high) if high > 0 else (low, low + 1)
    step = _step((high - low) / MOST_TICKS)
    return Scale(low, high, _multiples(step, ceil(_clean(low / step)), floor(_clean(high / step))))


def bar_room(values: Sequence[float]) -> float:
    """Choose what a bar of full length stands for: a round number over all values, 100 at most."""
    most = max(values, default=0)
    return min(round_scale([0, most]).high, 100) if most > 0 else 100


def bar(value: float, low: float | None, high: float | None, room: float) -> Bar:
    """Draw a bar of `value`, cut where the room ends."""
    share = [None if each is None else round(100 * min(max(each / room, 0), 1), 2) for each in (value, low, high)]
    return Bar(share[0] or 0, share[1], share[2], goes_on=max(value, high or 0) > room)


def short(value: float) -> str:
    """Write a number for an axis."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}".replace("e-0", "e-").replace("-", "−")


def _line(name: str, points: Sequence[Point], xs: Scale, ys: Scale, label: str) -> Line:
    drawn = [(xs.place(x, LEFT, RIGHT), ys.place(y, BOTTOM, TOP)) for x, y in _thinned(points)]
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in drawn)
    if len(points) > MOST_MARKS:
        return Line(name, path, ())
    return Line(
        name, path, tuple(Mark(*at, label.format(short(x), short(y))) for at, (x, y) in zip(drawn, points, strict=True))
    )


def _column(start: float, step: float, count: int, ordered: Sequence[float], xs: Scale, ys: Scale) -> Column:
    """Draw those of the values that are from `start` on; an outermost column has all that lie beyond it, too."""
    end = _clean(start + step)
    left, right, top = xs.place(start, LEFT, RIGHT), xs.place(end, LEFT, RIGHT), ys.place(count, BOTTOM, TOP)
    stretch = f"{short(start)} to {short(end)}"
    if ordered[0] < start and left == LEFT:
        stretch = f"under {short(end)}"
    elif ordered[-1] > end and right == RIGHT:
        stretch = f"{short(start)} or more"
    label = f"{stretch}: {count:,} clip{'s' if count > 1 else ''}"
    return Column(left, top, round(right - left - GAP, 1), round(BOTTOM - top, 1), label)


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Thin a line to at most MOST_POINTS and keep every peak and valley: of each stretch the lowest and the highest point."""
    if len(points) <= MOST_POINTS:
        return list(points)
    size = ceil(2 * len(points) / MOST_POINTS)
    stretches = (points[start : start + size] for start in range(0, len(points), size))
    kept = [{min(stretch, key=_height), max(stretch, key=_height)} for stretch in stretches]
    return [point for few in kept for point in sorted(few)]


def _told(name: str, points: Sequence[Point], x_name: str, unit: str) -> str:
    lowest = min(points, key=_height)
    return (
        f"{name}: {short(points[0][1])}{unit} at first, {short(points[-1][1])}{unit} at last, "
        f"lowest {short(lowest[1])}{unit} at {x_name} {short(lowest[0])}."
    )


def _height(point: Point) -> float:
    return point[1]


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if isfinite(point[0]) and isfinite(point[1])]


def _step(least: float) -> float:
    """The first of 1, 2, 5, 10, 20 ... and their tenths that is not under `least`."""
    power = 10.0 ** floor(log10(least))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9))


def _multiples(step: float, first: int, last: int) -> tuple[float, ...]:
    return tuple(_clean(number * step) for number in range(first, last + 1))


def _clean(value: float) -> float:
    """Round off the noise of the last digits."""
    return float(f"{value:.12g}")
