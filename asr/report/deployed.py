"""The model as it is deployed: what it hears in recordings as they are on the disk, beside what evaluation has found."""

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
from asr.scoring.interval import Interval
from asr.scoring.predictions import Prediction, corpus, error_rate


@dataclass(frozen=True)
class Listening:
    """One way of hearing the test split's recordings: its error rate in percent, and the change from evaluation's, clip by
    clip.
    """

    error_rate: float
    interval: Interval | None
    change: Comparison


@dataclass(frozen=True)
class Deployed:
    """The exported model, beside evaluation.

    Attributes:
        quantization: export.quantization.
        raw: the tuned model itself on recordings as they are: what trimming and full volume account for.
        exported: the exported model on the same recordings, through faster-whisper.
        size, checkpoint_size: of the folders, in bytes.
    """

    quantization: str
    raw: Listening
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
    return Deployed(
        summary["quantization"],
        raw=_listening(evaluated, {row.id: row.raw for row in heard}, normalization),
        exported=_listening(evaluated, {row.id: row.exported for row in heard}, normalization),
        size=summary["bytes"],
        checkpoint_size=summary["checkpoint_bytes"],
    )


def _listening(evaluated: Sequence[Prediction], texts: Mapping[str, str], normalization: Normalization) -> Listening:
    hypotheses = [normalization.compared(texts[row.id], row.language) for row in evaluated]
    aligned = align([row.reference for row in evaluated], hypotheses)
    rows = [
        replace(row, hypothesis=other.hypothesis, raw_hypothesis=texts[row.id], errors=other.counts.errors)
        for row, other in zip(evaluated, aligned, strict=True)
    ]
    change = compare(evaluated, rows)
    assert change is not None  # the clips are the same
    return Listening(error_rate(rows), corpus(rows).interval([row.errors for row in rows]), change)


def deployed_metrics(found: Deployed | None) -> dict[str, Any]:
    """The export in numbers. How fast it is differs from run to run, so that is on the page alone."""
    if found is None:
        return {"quantization": None}
    return {
        "quantization": found.quantization,
        **_listening_metrics(found.exported),
        "raw": _listening_metrics(found.raw),
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
    """The lines of the table: the model's error rate on the recordings as they are, and the exported model's."""
    if found is None:
        return []
    ways = {"the model": found.raw, f"its {found.quantization} export": found.exported}
    return [
        f"test recordings as they are, {name}: {SHORT[way.change.metric]} {way.error_rate:.2f} %, {in_words(way.change)}"
        for name, way in ways.items()
    ]


def increase(found: Deployed | None, most: float | None) -> str | None:
    """Say it when the exported model's error rate is over evaluation's by more than `most` points."""
    if found is None or most is None or found.exported.change.difference.points <= most:
        return None
    change = found.exported.change
    return (
        f"the {found.quantization} export's {SHORT[change.metric]} is {change.second:.2f} % on the recordings as they are, "
        f"evaluation's {change.first:.2f} %: worse by more than export.max_wer_increase, {most:g} points; models/export is kept"
    )
