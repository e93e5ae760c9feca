"""The model as it is deployed: what its export hears beside the model itself, what whole windows account for, and what those
read who use it, the block "as used" of table, page and metrics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asr.base.entries import Heard
from asr.base.rates import SHORT
from asr.base.text import Normalization
from asr.report.comparison import Comparison, compare
from asr.report.metrics import Json, change_metrics
from asr.report.table import in_words
from asr.scoring.align import align
from asr.scoring.interval import Corpus, Interval
from asr.scoring.predictions import Prediction, corpus, error_rate
from asr.scoring.usage import Score, Usage


@dataclass(frozen=True)
class Listening:
    """One way of hearing the test split's recordings: its error rate in percent, and the change from another way's, clip by
    clip. `surely`: by how many points it is surely worse; None where nobody can tell.
    """

    error_rate: float
    interval: Interval | None
    change: Comparison
    surely: float | None


@dataclass(frozen=True)
class Deployed:
    """The exported model, on the recordings of the test split, prepared as clips are for training.

    Attributes:
        quantization: export.quantization.
        whole_window: the tuned model itself in whole windows; its change is from evaluation's, which the window accounts for.
        exported: the exported model through faster-whisper, which knows only whole windows; its change is from the tuned
            model's in these, which the format accounts for.
        size, checkpoint_size: of the folders, in bytes.
    """

    quantization: str
    whole_window: Listening
    exported: Listening
    size: int
    checkpoint_size: int


def deployed(
    summary: Json, heard: Sequence[Heard], evaluated: Sequence[Prediction], normalization: Normalization
) -> Deployed | None:
    """Score what stage export has heard; None when it was told to export nothing.

    Args:
        summary: what it wrote of the model.
        heard: of each clip of the test split. One that lost its features is not among `evaluated`, and is left out.
        evaluated: evaluation's predictions of the test split.
        normalization: of what evaluation has compared.
    """
    if summary["quantization"] is None:
        return None
    tuned = _scored(evaluated, {row.id: row.tuned for row in heard}, normalization)
    exported = _scored(evaluated, {row.id: row.exported for row in heard}, normalization)
    return Deployed(
        summary["quantization"],
        whole_window=_listening(tuned, evaluated),
        exported=_listening(exported, tuned),
        size=summary["bytes"],
        checkpoint_size=summary["checkpoint_bytes"],
    )


def _scored(evaluated: Sequence[Prediction], texts: Mapping[str, str], normalization: Normalization) -> list[Prediction]:
    hypotheses = [normalization.compared(texts[row.id], row.language) for row in evaluated]
    aligned = align([row.reference for row in evaluated], hypotheses)
    return [
        replace(row, hypothesis=other.hypothesis, raw_hypothesis=texts[row.id], errors=other.counts.errors)
        for row, other in zip(evaluated, aligned, strict=True)
    ]


def _listening(rows: Sequence[Prediction], beside: Sequence[Prediction]) -> Listening:
    change = compare(beside, rows)
    assert change is not None  # the clips are the same
    errors = [row.errors for row in rows]
    # Of too few speakers there is no interval. What a format loses depends on the clip more than on who speaks.
    by_clip = Corpus.of([row.words for row in rows], [None] * len(rows))
    interval = change.difference.interval or by_clip.difference([row.errors for row in beside], errors).interval
    return Listening(error_rate(rows), corpus(rows).interval(errors), change, interval.low if interval else None)


def deployed_metrics(found: Deployed | None) -> dict[str, Any]:
    """The export in numbers. How fast it is differs from run to run, so that is on the page alone."""
    if found is None:
        return {"quantization": None}
    return {
        "quantization": found.quantization,
        **_listening_metrics(found.exported),
        "whole_window": _listening_metrics(found.whole_window),
        "megabytes": round(found.size / 1e6, 2),
        "checkpoint_megabytes": round(found.checkpoint_size / 1e6, 2),
    }


def _listening_metrics(found: Listening) -> dict[str, Any]:
    return {
        "metric": found.change.metric,
        "error_rate": round(found.error_rate, 2),
        "error_rate_low": round(found.interval.low, 2) if found.interval else None,
        "error_rate_high": round(found.interval.high, 2) if found.interval else None,
        "clips": found.change.clips,
        "change": change_metrics(found.change),
    }


def deployed_lines(found: Deployed | None) -> list[str]:
    """The lines of the table: the model's error rate in whole windows beside evaluation's, and the exported model's beside
    that.
    """
    if found is None:
        return []
    ways = {
        "tuned, in whole windows": (found.whole_window, "from evaluation"),
        f"its {found.quantization} export": (found.exported, "from the model in whole windows"),
    }
    return [
        f"test, {name}: {SHORT[way.change.metric]} {way.error_rate:.2f} %, {in_words(way.change)} {beside}"
        for name, (way, beside) in ways.items()
    ]


def increase(found: Deployed | None, most: float | None) -> str | None:
    """Say it when the exported model's error rate is surely over the model's own in whole windows by more than `most` points:
    when all of the difference's interval is. As large a difference that may be chance is none.
    """
    if found is None or most is None:
        return None
    change, surely = found.exported.change, found.exported.surely
    if surely is None or surely <= most:
        return None
    return (
        f"the {found.quantization} export's {SHORT[change.metric]} is {change.second:.2f} % on the test split's {change.clips} "
        f"recordings, the tuned model's own in whole windows {change.first:.2f} %: surely worse by {surely:.2f} points, "
        f"more than export.max_wer_increase, {most:g}; models/export is kept: choose another export.quantization"
    )


MODELS = ("base", "tuned", "export")

RECORDINGS = {
    "as_recorded": "recordings as they are",
    "dbfs_15": "the same at -15 dBFS",
    "dbfs_25": "the same at -25 dBFS",
    "dbfs_35": "the same at -35 dBFS",
}
LONG_RECORDINGS = {
    "joined_transcribe": "by commands.transcribe",
    "joined_stretches": "by faster-whisper, stretch by stretch",
    "joined_timestamps": "by faster-whisper, with timestamps",
    "joined_no_timestamps": "by faster-whisper, without",
}
NOBODY = {
    "silence": "silence",
    "white_noise": "white noise",
    "brown_noise": "brown noise",
    "hum": "a hum",
    "pauses": "the recordings' pauses",
}
"""Conditions of use, and what they are called."""


@dataclass(frozen=True)
class Block:
    """A part of the block: its title, and by condition one cell for each of MODELS."""

    title: str
    rows: Mapping[str, tuple[str, ...]]


def blocks(found: Usage) -> list[Block]:
    """The block as words and figures, for the table and the page."""
    parts = [
        Block(f"{found.metric} of {_clips(found, RECORDINGS)}, nothing prepared", _cells(found.scores, RECORDINGS, _percent)),
        Block(
            f"{found.metric} of {_clips(found, LONG_RECORDINGS)} joined to one recording",
            _cells(found.scores, LONG_RECORDINGS, _joined),
        ),
        Block("words a minute where nobody speaks", _cells(found.words, NOBODY, lambda rate: f"{rate:.1f}")),
    ]
    return [part for part in parts if part.rows]


def _clips(found: Usage, names: Mapping[str, str]) -> str:
    count = max((score.clips for name in names for score in found.scores.get(name, {}).values()), default=0)
    return f"{count:,} test clips"


def _cells(found: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], write: Any) -> dict[str, tuple[str, ...]]:
    return {
        title: tuple(write(found[name][model]) if model in found[name] else "-" for model in MODELS)
        for name, title in names.items()
        if name in found
    }


def _percent(score: Score) -> str:
    return f"{score.error_rate:.2f} %"


def _joined(score: Score) -> str:
    alone = "" if score.alone is None else f" ({score.alone:.2f} % one by one)"
    repeated = f", {score.repeated} repeated" if score.repeated else ""
    return f"{score.error_rate:.2f} %{alone}, {score.lost} lost{repeated}"


def usage_lines(found: Usage) -> list[str]:
    """The lines of the table."""
    width = max((len(title) for block in blocks(found) for title in block.rows), default=0) + 4
    lines = []
    for block in blocks(found):
        cells = [MODELS, *block.rows.values()]
        widths = [max(len(row[column]) for row in cells) for column in range(len(MODELS))]
        lines += ["", f"as used: {block.title}"]
        lines += [
            f"{title:<{width}}{'   '.join(f'{cell:>{widths[column]}}' for column, cell in enumerate(row))}".rstrip()
            for title, row in [("", MODELS), *((f"  {title}", row) for title, row in block.rows.items())]
        ]
    return lines
