"""The page: everything about a run on one page of HTML that needs no network.

Jinja2 renders page.html and escapes whatever comes from the data. A style (page.css) and a script (players.js, page.js) are put
into it, and a policy that lets the browser use these two, known by their hashes, read files beside the page (the clips, and how
fast the models were here), and do nothing else.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import log10
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from asr.base.entries import TEST_SPLIT
from asr.base.rates import EXPLAINED, LONG, SHORT, UNITS, Metric, joined, together
from asr.report import chart
from asr.report.comparison import Outcome, otherness, tone
from asr.report.deployed import MODELS, Block, Deployed
from asr.report.figures import DASH, figure, plain, probability, signed, tested_on, verdict, whole
from asr.report.metrics import trained_on
from asr.report.slices import DIGITS, DURATION, LANGUAGE, SPEAKER, Slice
from asr.report.urls import audio_url
from asr.report.words import RARE, Confusion, Recall
from asr.scoring.align import Edit, Span
from asr.scoring.predictions import Prediction

FOLDER = Path(__file__).parent

ROWS_AT_ONCE = 50
"""Utterances that are shown at first. The others wait in a template, where they cost next to nothing."""

MOST_REJECTS = 500
"""Rejected rows that are listed; the file has all of them."""

KINDS = {DURATION: "By length", DIGITS: "By digits", LANGUAGE: "By language", SPEAKER: "By speaker"}
RARITY = {"unseen": "never in training", "rare": f"1 to {RARE} times in training", "common": "more often"}
TIMES = ("waiting", "computing", "validating", "saving")
"""Where the time of training goes, by the names of its script."""

WINDOWS = {"fit": "at its own length", "full": "padded to the model's whole window"}
"""How long a clip is when the encoder is given it."""


@dataclass(frozen=True)
class SliceRow:
    """A slice of a test set, as either model heard it."""

    dataset: str
    base: Slice
    tuned: Slice


@dataclass(frozen=True)
class Speeds:
    """The folder of the scripts that say how fast a model was, relative to the page, and the name of each model's script.

    `training` is the name of the one that says where the time of training went.
    """

    folder: str
    names: Mapping[str, str]
    training: str


@dataclass(frozen=True)
class UtteranceRow:
    """A clip in the table: what was said and heard, aligned word by word.

    Attributes:
        tuned: the tuned model's prediction.
        base: the base model's hypothesis, None where it has none.
        audio: the path of the clip's file, relative to the page, unquoted; it may be on another machine.
    """

    tuned: Prediction
    base: str | None
    audio: str


Table = Sequence[Mapping[str, float | None]]  # None where a cell is blank


@dataclass(frozen=True)
class Page:
    """Everything that the page shows.

    Attributes:
        model: the base model's name.
        languages: the codes of those that the model was tuned on.
        normalizer: what both texts went through before they were compared.
        base_window, window: how long a clip was when either model's encoder was given it, one of WINDOWS.
        sets: the test split first.
        deployed: what the export hears; None without one.
        used: the block "as used".
        slices: of the test split, and of other sets those by language.
        confusions: of the tuned model on the test split, the commonest first.
        recalls: by rarity, base and tuned, on the test split.
        curves: a row per step of training, as in metrics/train/curves.csv; None where a cell is blank.
        searched, keeping: the rates and the shares of the base model that were tried, as in search.csv and keeping.csv there.
        utterances: of every set; most errors come first, and among equals the order is kept.
        data: what became of the rows, as in metrics/data.json.
        rejects: rows that could not be used: line, path, reason, detail, remedy, and `dataset` where they are another set's.
        speeds: where the page finds how fast each model was on this machine, which is never twice the same.
        params: params.yaml.
        versions: of the packages, by the stage that used them.
    """

    model: str
    languages: Sequence[str]
    normalizer: str
    base_window: str
    window: str
    sets: Sequence[Outcome]
    deployed: Deployed | None
    used: Sequence[Block]
    slices: Sequence[SliceRow]
    confusions: Sequence[Confusion]
    recalls: Mapping[str, tuple[Recall, Recall]]
    curves: Table
    searched: Table
    keeping: Table
    utterances: Sequence[UtteranceRow]
    data: Mapping[str, Any]
    rejects: Sequence[Mapping[str, str]]
    speeds: Speeds
    params: Mapping[str, Any]
    versions: Mapping[str, Mapping[str, str]]


def render(page: Page) -> str:
    """Render the page as HTML."""
    rates = [each.error_rate for row in page.slices for each in (row.base, row.tuned)]
    return (
        templates()
        .get_template("page.html")
        .render(
            page=page,
            **dressing("players.js", "page.js"),
            metric=together(each.tuned.metric for each in page.sets),
            charts=_charts(page.curves, page.searched, page.keeping),
            slices=_by_kind(page.slices),
            slice_room=chart.bar_room(rates),
            utterances=sorted(page.utterances, key=lambda row: -row.tuned.errors),
        )
    )


def dressing(*scripts: str) -> dict[str, str]:
    """What a template is given besides the data: page.css, the scripts of these names, and a policy that allows the two."""
    style, *parts = ((FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", *scripts))
    script = "\n".join(parts)
    # Both are ours: nothing of the data is in them.
    return {"style": Markup(style), "script": Markup(script), "policy": _policy(style, script)}


def word_by_word(alignment: Sequence[Span], metric: Metric) -> list[tuple[Edit, str, str]]:
    """Part an alignment's substitutions word by word; other runs, and those of characters, stay together."""
    if metric == "CER":
        return [(step.edit, joined(step.said, metric), joined(step.heard, metric)) for step in alignment]
    found: list[tuple[Edit, str, str]] = []
    for step in alignment:
        said, heard = step.said.split(), step.heard.split()
        if step.edit == "substitute" and len(said) == len(heard):
            found.extend((step.edit, *pair) for pair in zip(said, heard, strict=True))
        else:
            found.append((step.edit, step.said, step.heard))
    return found


def by_package(versions: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """List each package with its version, or where stages differ, with each stage's."""
    found = []
    for name in dict.fromkeys(name for of_stage in versions.values() for name in of_stage):
        used = {stage: of_stage[name] for stage, of_stage in versions.items() if name in of_stage}
        by_stage = ", ".join(f"{stage}: {version}" for stage, version in used.items())
        found.append((name, by_stage if len(set(used.values())) > 1 else next(iter(used.values()))))
    return found


def templates() -> Environment:
    """Make what renders the pages: it escapes what comes from the data, and stops at a name that it wasn't given."""
    found = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    figures = (figure, whole, signed, probability, plain, tested_on, verdict)
    for each in (*figures, audio_url, word_by_word, by_package, tone, otherness):
        found.filters[each.__name__] = each
    found.filters["trained_on"] = trained_on
    found.globals.update(
        chart=chart,
        DASH=DASH,
        KINDS=KINDS,
        RARITY=RARITY,
        TIMES=TIMES,
        MODELS=MODELS,
        WINDOWS=WINDOWS,
        ROWS_AT_ONCE=ROWS_AT_ONCE,
        MOST_REJECTS=MOST_REJECTS,
        TEST_SPLIT=TEST_SPLIT,
        SHORT=SHORT,
        LONG=LONG,
        UNITS=UNITS,
        EXPLAINED=EXPLAINED,
    )
    return found


def _policy(style: str, script: str) -> str:
    """What the browser may do: use these two and files from where the page is, and nothing else."""
    return (
        f"default-src 'none'; style-src {by_hash(style)}; script-src {by_hash(script)} 'self' file:; "
        "media-src 'self' file:; "
        "base-uri 'none'; form-action 'none'"
    )


def by_hash(text: str) -> str:
    """Name a style or script as a policy does."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _charts(curves: Table, searched: Table, keeping: Table) -> list[chart.Chart]:
    losses = {"training": _points(curves, "step", "train_loss"), "validation": _points(curves, "step", "validation_loss")}
    by_epoch = _points(curves, "epoch", "validation_error_rate")
    tried = [(log10(rate), found) for rate, found in _points(searched, "rate", "error_rate")]
    kept = {name: _points(keeping, "share", name) for name in (keeping[0] if keeping else ()) if name != "share"}
    drawn = (
        chart.draw("Loss", "step", "", losses),
        chart.draw("Validation error rate, %", "epoch", " %", {"validation": by_epoch}),
        chart.draw("Learning rate", "step", "", {"learning rate": _points(curves, "step", "learning_rate")}),
        chart.draw("Error rate by learning rate, %", "power of ten of the rate", " %", {"validation": tried}),
        chart.draw("Error rate by what is kept of the base model, %", "share of its weights", " %", kept),
    )
    return [each for each in drawn if each]


def _points(table: Table, x: str, y: str) -> list[chart.Point]:
    return [(a, b) for a, b in ((row.get(x), row.get(y)) for row in table) if a is not None and b is not None]


def _by_kind(rows: Sequence[SliceRow]) -> dict[tuple[str, str], list[SliceRow]]:
    kinds: dict[tuple[str, str], list[SliceRow]] = {}
    for row in rows:
        kinds.setdefault((row.dataset, row.tuned.kind), []).append(row)
    return kinds
