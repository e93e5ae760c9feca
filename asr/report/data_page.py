"""The data page: what recordings and transcripts are like, on a page of HTML that is made as the report's is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asr.report import chart
from asr.report.figures import duration
from asr.report.page import dressing, templates
from asr.report.portrait import Portrait, Spread
from asr.report.urls import sound_url

ROWS_PER_REASON = 20
"""Rows that are listed of those left out for one reason; the file has all of them."""

CLIPS_PER_NOTE = 5
WORDS, SENTENCES = 40, 20

SPEAKERS = 30
"""As many are listed; of more, those who say most and those who say least."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Reason:
    """The rows of one's own table, or of the test set `dataset`, that are left out for one reason."""

    name: str
    dataset: str
    rows: Sequence[Row]


def render(portrait: Portrait, folder: Path) -> str:
    """Render the page as HTML.

    Args:
        portrait: what it shows.
        folder: in which the page will lie.
    """
    found = templates()
    found.filters["duration"] = duration
    found.globals.update(
        ROWS_PER_REASON=ROWS_PER_REASON, CLIPS_PER_NOTE=CLIPS_PER_NOTE, WORDS=WORDS, SENTENCES=SENTENCES, SPEAKERS=SPEAKERS
    )
    return found.get_template("data.html").render(
        portrait=portrait,
        material=portrait.material,
        sound_url=partial(sound_url, folder),
        warned=_reasons(portrait.material.rejects, "warn"),
        refused=_reasons(portrait.material.rejects, "refuse"),
        charts=_charts(portrait),
        spreads=_spreads(portrait),
        **dressing("players.js"),
    )


def _reasons(rejects: Sequence[Row], severity: str) -> list[Reason]:
    """The reasons for which rows are left out, the commonest first."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rejects:
        if row["severity"] == severity:
            found.setdefault((row["reason"], row.get("dataset", "")), []).append(row)
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Reason(name, dataset, rows) for (name, dataset), rows in ranked]


def _charts(portrait: Portrait) -> list[chart.Chart]:
    drawn = (
        chart.histogram("Clips by length", "seconds", portrait.seconds),
        chart.histogram("Clips by rate of speech", "characters a second", portrait.rates),
        chart.histogram("Clips by loudest sample", "dBFS", portrait.peaks),
    )
    return [each for each in drawn if each]


def _spreads(portrait: Portrait) -> dict[str, Spread | None]:
    return {
        "seconds": Spread.of(portrait.seconds),
        "characters a second": Spread.of(portrait.rates),
        "loudest sample, dBFS": Spread.of(portrait.peaks),
    }
