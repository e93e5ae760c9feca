"""Pictures of a comparison: a row for each model, with its difference from the first, on a page that needs no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from asr.base.rates import SHORT, Metric
from asr.report.chart import Scale, Tick, round_scale, short
from asr.report.comparison import Comparison, Tone
from asr.report.figures import DASH, figure, probability, signed, whole
from asr.report.page import FOLDER, by_hash
from commands.comparing.family import Member, how_judged, metric_of, remarks
from commands.comparing.sides import Side

TEMPLATE = Path(__file__).with_suffix(".html")

WIDTH, LEFT, RIGHT = 860, 220, 620
"""Of the drawing: names stand left of LEFT, figures right of RIGHT."""
TOP, ROW = 24, 28
MOST_LETTERS = 30
"""Of a name beside its row; the row says it in full when it is pointed at, and so does the table."""

STYLE = """
.forest { min-width: 46rem; }
.forest .zero { stroke: var(--strong-line); stroke-width: 1.5; }
.forest .name { fill: var(--ink); }
.forest :is(.same, .unsure) { color: var(--quiet); }
.forest .better { color: var(--good); }
.forest .worse { color: var(--bad); }
.forest .span { stroke-width: 2; }
.forest circle { r: 4.5px; }
.forest :is(.better, .worse) circle { fill: currentColor; }
.chart.scroll { --under: var(--card); background-color: var(--card); }
.chart + .card { margin-top: 1rem; }
.remarks { margin: 1rem 0 0; padding-left: 1.2rem; max-width: 90ch; color: var(--quiet); font-size: 0.8125rem; }
"""


@dataclass(frozen=True)
class Row:
    """A model's row of the picture. `low` and `high` are None where there is no interval."""

    name: str
    y: float
    at: float
    low: float | None
    high: float | None
    tone: Tone
    figures: str
    told: str


@dataclass(frozen=True)
class Picture:
    """The models on one test set, the best first; `zero` is where they would be as good as the first."""

    dataset: str
    metric: Metric
    height: int
    bottom: int
    zero: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    members: tuple[Member, ...]


def render(first: Side, others: Sequence[Side], members: Sequence[Member]) -> str:
    """Render the page as HTML."""
    style = (FOLDER / "page.css").read_text(encoding="utf-8") + STYLE
    templates = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update({each.__name__: each for each in (figure, whole, signed, probability)})
    templates.globals.update(DASH=DASH, SHORT=SHORT, WIDTH=WIDTH, LEFT=LEFT, RIGHT=RIGHT, TOP=TOP)
    return templates.get_template(TEMPLATE.name).render(
        first=first.name,
        count=len(others),
        pictures=draw(members),
        how=how_judged(members),
        remarks=remarks(first, others, members),
        style=Markup(style),  # ours: nothing of the data is in it
        policy=f"default-src 'none'; style-src {by_hash(style)}; base-uri 'none'; form-action 'none'",
    )


def draw(members: Sequence[Member]) -> list[Picture]:
    """Draw a picture for each test set on which something could be compared."""
    by_set: dict[str, list[tuple[Member, Comparison]]] = {}
    for member in members:
        if member.comparison:
            by_set.setdefault(member.dataset, []).append((member, member.comparison))
    return [_draw_set(dataset, sorted(found, key=_points)) for dataset, found in by_set.items()]


def _draw_set(dataset: str, found: Sequence[tuple[Member, Comparison]]) -> Picture:
    differences = [comparison.difference for _, comparison in found]
    ends = [end for each in differences if each.interval for end in (each.interval.low, each.interval.high)]
    scale = round_scale([0, *ends, *(each.points for each in differences)])
    bottom = TOP + ROW * len(found)
    return Picture(
        dataset,
        metric_of([member for member, _ in found]),
        height=bottom + 44,
        bottom=bottom,
        zero=scale.place(0, LEFT, RIGHT),
        ticks=tuple(Tick(scale.place(value, LEFT, RIGHT), short(value)) for value in scale.ticks),
        rows=tuple(_row(*each, TOP + ROW * (number + 0.5), scale) for number, each in enumerate(found)),
        members=tuple(member for member, _ in found),
    )


def _row(member: Member, comparison: Comparison, y: float, scale: Scale) -> Row:
    points, interval = comparison.difference.points, comparison.difference.interval
    span = f"{signed(interval.low)} to {signed(interval.high)}" if interval else DASH
    return Row(
        member.name if len(member.name) <= MOST_LETTERS else f"{member.name[: MOST_LETTERS - 1]}…",
        y,
        scale.place(points, LEFT, RIGHT),
        scale.place(interval.low, LEFT, RIGHT) if interval else None,
        scale.place(interval.high, LEFT, RIGHT) if interval else None,
        member.tone,
        f"{signed(points)}  ({span})",
        f"{member.name}: {comparison.second:.2f} %, {signed(points)} points ({span}), {member.verdict}",
    )


def _points(found: tuple[Member, Comparison]) -> float:
    return found[1].difference.points
