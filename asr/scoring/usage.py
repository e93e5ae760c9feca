"""Usage: what those read who use a model, scored: where somebody speaks by its errors, where nobody does by its words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from asr.base.entries import Written
from asr.base.rates import LONG
from asr.base.text import Normalization
from asr.scoring.align import Counts, align
from asr.scoring.predictions import Prediction, metric_of

ALONE, PREPARED = "as_recorded", "prepared"
"""The conditions in which each recording is heard by itself: as it is, and as commands.transcribe prepares it."""

OWN = {"joined_transcribe": PREPARED}
"""Where a recording that is joined is prepared, its parts are compared with what was written of them prepared."""


@dataclass(frozen=True)
class Score:
    """A model in one condition in which somebody speaks; rates are in percent.

    Attributes:
        error_rate: errors over the words of all references.
        clips: that are in it.
        alone: the error rate of the same clips, each heard by itself on the same road; None where they were not.
        lost: words of the references that are missing.
        repeated: segments that say what the one before has said.
    """

    error_rate: float
    clips: int
    alone: float | None
    lost: int
    repeated: int


@dataclass(frozen=True)
class Usage:
    """What all models wrote, by condition and model; a condition that nobody has heard is missing.

    Attributes:
        scores: where somebody speaks.
        words: a minute, where nobody does.
        metric: of the scores, in words.
    """

    scores: Mapping[str, Mapping[str, Score]]
    words: Mapping[str, Mapping[str, float]]
    metric: str


def usage(written: Sequence[Written], tested: Sequence[Prediction], normalization: Normalization) -> Usage:
    """Score what was written.

    Args:
        written: by each model in each condition.
        tested: evaluation's predictions of the test split, for their references. Clips that lost their features are left out.
        normalization: of both sides.
    """
    known = {row.id: row for row in tested}
    found: dict[str, dict[str, list[Written]]] = {}
    for row in written:
        if set(row.clips) <= known.keys():
            found.setdefault(row.condition, {}).setdefault(row.model, []).append(row)
    alone = {
        (condition, model): _by_clip(rows, known, normalization)
        for condition in (ALONE, PREPARED)
        for model, rows in found.get(condition, {}).items()
    }
    scores: dict[str, dict[str, Score]] = {}
    words: dict[str, dict[str, float]] = {}
    for condition, by_model in found.items():
        for model, rows in by_model.items():
            if any(row.clips for row in rows):
                scores.setdefault(condition, {})[model] = _score(
                    rows, known, alone.get((OWN.get(condition, ALONE), model)), normalization
                )
            else:
                words.setdefault(condition, {})[model] = _words_a_minute(rows, normalization)
    return Usage(scores, words, LONG[metric_of(tested)])


def _by_clip(rows: Sequence[Written], known: Mapping[str, Prediction], normalization: Normalization) -> dict[str, Counts]:
    return {row.clips[0]: counts for row, counts in zip(rows, _aligned(rows, known, normalization), strict=True)}


def _aligned(rows: Sequence[Written], known: Mapping[str, Prediction], normalization: Normalization) -> list[Counts]:
    """Compare what was written of each with the references of its clips, one after the other."""
    references = [" ".join(known[clip].reference for clip in row.clips) for row in rows]
    hypotheses = [normalization.compared(" ".join(row.segments), known[row.clips[0]].language) for row in rows]
    return [utterance.counts for utterance in align(references, hypotheses)]


def _score(
    rows: Sequence[Written],
    known: Mapping[str, Prediction],
    alone: Mapping[str, Counts] | None,
    normalization: Normalization,
) -> Score:
    counts = _aligned(rows, known, normalization)
    clips = [clip for row in rows for clip in row.clips]
    same = [alone[clip] for clip in clips] if alone and all(clip in alone for clip in clips) else None
    repeated = sum(
        bool(second) and first == second
        for row in rows
        for segments in [[normalization.compared(segment, known[row.clips[0]].language) for segment in row.segments]]
        for first, second in pairwise(segments)
    )
    return Score(_rate(counts), len(clips), _rate(same) if same else None, sum(each.deletions for each in counts), repeated)


def _rate(counts: Sequence[Counts]) -> float:
    return round(100 * sum(each.errors for each in counts) / max(sum(each.length for each in counts), 1), 2)


def _words_a_minute(rows: Sequence[Written], normalization: Normalization) -> float:
    words = sum(len(normalization.compared(segment, row.language).split()) for row in rows for segment in row.segments)
    return round(60 * words / sum(row.seconds for row in rows), 2)


def usage_metrics(found: Usage) -> dict[str, Any]:
    """All of it in numbers, by condition and model."""
    scores = {name: {model: asdict(score) for model, score in of.items()} for name, of in found.scores.items()}
    return {**scores, "words_a_minute": {name: dict(of) for name, of in found.words.items()}}
