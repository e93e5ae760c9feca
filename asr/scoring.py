"""Scoring: hypotheses against references."""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer

from asr.manifest import TextEntry
from asr.text import Normalizer, spoken
from asr.wer import load_error_rates


@dataclass(frozen=True)
class Score:
    """Corpus error rates in percent, the word errors behind them, and how much was scored.

    `wer` and `cer` compare normalised texts, `raw_wer` what was transcribed with what the model wrote.
    """

    wer: float
    cer: float
    raw_wer: float
    substitutions: int
    deletions: int
    insertions: int
    words: int
    clips: int


@dataclass(frozen=True)
class Prediction:
    """What was said in one clip and what the model heard, both normalised, and the number of word errors."""

    id: str
    path: str
    reference: str
    hypothesis: str
    errors: int
    words: int


def score(texts: Sequence[TextEntry], hypotheses: Sequence[str], normalize: Normalizer) -> Score:
    """The corpus score of `hypotheses`, one for each of `texts`.

    References are normalised once more, as a tuned model's hypotheses are: whisper_english makes "007" into "7".
    """
    metric = load_error_rates()
    heard = [normalize(hypothesis) for hypothesis in hypotheses]
    rates = metric.compute(predictions=heard, references=[normalize(text.text) for text in texts])
    raw = metric.compute(predictions=list(hypotheses), references=[spoken(text.raw_text) for text in texts])
    return Score(
        wer=_percent(rates["wer"]),
        cer=_percent(rates["cer"]),
        raw_wer=_percent(raw["wer"]),
        substitutions=rates["substitutions"],
        deletions=rates["deletions"],
        insertions=rates["insertions"],
        words=rates["words"],
        clips=len(texts),
    )


def predictions(texts: Sequence[TextEntry], hypotheses: Sequence[str], normalize: Normalizer) -> list[Prediction]:
    """A row per clip, most errors first."""
    rows = []
    for text, hypothesis in zip(texts, hypotheses, strict=True):
        said, heard = normalize(text.text), normalize(hypothesis)
        words = jiwer.process_words(said, heard)
        errors = words.substitutions + words.deletions + words.insertions
        rows.append(Prediction(text.id, text.path, said, heard, errors, len(said.split())))
    return sorted(rows, key=lambda row: -row.errors)


def _percent(fraction: float) -> float:
    return round(100 * fraction, 2)
