"""Predictions: what a model heard in every clip of a test set, and what that comes to."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asr.base.entries import TextEntry
from asr.base.text import Normalizer, spoken
from asr.model.transcribe import Hypothesis
from asr.scoring.align import Score, score
from asr.scoring.interval import Corpus, Unit


@dataclass(frozen=True)
class Prediction:
    """A clip of the test set `dataset`: what was said and what the model heard.

    Attributes:
        seconds: of the clip, as heard: without the silence that was trimmed.
        reference, hypothesis: both normalised.
        raw_reference, raw_hypothesis: as transcribed, and as the model wrote it.
        errors: wrong words, of `words` in the reference: substitutions, deletions and insertions.
        is_cut_off: the model had more to say at decode.max_new_tokens.
        has_loop: it says something over and over.
    """

    dataset: str
    id: str
    path: str
    speaker: str | None
    extra: dict[str, str]
    seconds: float
    reference: str
    hypothesis: str
    raw_reference: str
    raw_hypothesis: str
    errors: int
    words: int
    substitutions: int
    deletions: int
    insertions: int
    is_cut_off: bool
    has_loop: bool


PredictionsBySet = dict[str, list[Prediction]]
"""By test set."""


@dataclass(frozen=True)
class Summary:
    """A test set in numbers. Rates are in percent, of the normalised texts but for those that are `raw`.

    Attributes:
        wer_low, wer_high: where the WER lies with 95 % confidence; None for a single clip.
        resampled: what was drawn to find them.
        empty: hypotheses without a word, all deletions.
        cut_off: hypotheses at the limit of tokens.
        looping: hypotheses that go round in a loop.
    """

    wer: float
    wer_low: float | None
    wer_high: float | None
    resampled: Unit
    cer: float
    mer: float
    raw_wer: float
    raw_cer: float
    substitutions: int
    deletions: int
    insertions: int
    words: int
    clips: int
    empty: int
    cut_off: int
    looping: int


def predictions(
    dataset: str,
    texts: Sequence[TextEntry],
    seconds: Sequence[float],
    hypotheses: Sequence[Hypothesis],
    normalize: Normalizer,
) -> list[Prediction]:
    """A row for each of `texts`, most errors first.

    Args:
        dataset: the name of the test set.
        texts: what was said.
        seconds: of each clip.
        hypotheses: what was heard.
        normalize: applied to both. To references once more, as a tuned model's hypotheses are: whisper_english makes "007" "7".
    """
    scored = score([normalize(text.text) for text in texts], [normalize(heard.text) for heard in hypotheses])
    rows = [
        Prediction(
            dataset, text.id, text.path, text.speaker, text.extra, round(length, 2),
            utterance.reference, utterance.hypothesis, spoken(text.raw_text), heard.text,
            utterance.words.errors, utterance.words.length,
            utterance.words.substitutions, utterance.words.deletions, utterance.words.insertions,
            heard.is_cut_off, has_loop(utterance.hypothesis, utterance.reference),
        )
        for text, length, heard, utterance in zip(texts, seconds, hypotheses, scored.utterances, strict=True)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row.errors, row.path))


def by_set(rows: Iterable[Prediction]) -> PredictionsBySet:
    """Parted by test set, each in the order given."""
    sets: PredictionsBySet = {}
    for row in rows:
        sets.setdefault(row.dataset, []).append(row)
    return sets


def error_rate(rows: Sequence[Prediction]) -> float:
    """The corpus WER in percent."""
    return 100 * sum(row.errors for row in rows) / max(sum(row.words for row in rows), 1)


def scored(rows: Sequence[Prediction]) -> Score:
    """The normalised texts, compared."""
    return score([row.reference for row in rows], [row.hypothesis for row in rows])


def corpus(rows: Sequence[Prediction]) -> Corpus:
    """What is drawn to find how sure a rate is."""
    return Corpus.of([row.words for row in rows], [row.speaker for row in rows])


def summary(rows: Sequence[Prediction]) -> Summary:
    """Of a test set."""
    normalised, raw = scored(rows), score([row.raw_reference for row in rows], [row.raw_hypothesis for row in rows])
    drawn = corpus(rows)
    interval = drawn.interval(normalised.errors)
    return Summary(
        wer=_rounded(normalised.wer),
        wer_low=_rounded(interval.low) if interval else None,
        wer_high=_rounded(interval.high) if interval else None,
        resampled=drawn.unit,
        cer=_rounded(normalised.cer),
        mer=_rounded(normalised.mer),
        raw_wer=_rounded(raw.wer),
        raw_cer=_rounded(raw.cer),
        substitutions=normalised.words.substitutions,
        deletions=normalised.words.deletions,
        insertions=normalised.words.insertions,
        words=normalised.words.length,
        clips=len(rows),
        empty=sum(not row.hypothesis for row in rows),
        cut_off=sum(row.is_cut_off for row in rows),
        looping=sum(row.has_loop for row in rows),
    )


def _rounded(percent: float) -> float:
    return round(percent, 2)


LOOP = re.compile(r"(.{1,80}?)\1{3,}", re.DOTALL)
"""Some characters, four times in a row or more. Characters, since not every script parts words."""

SHORTEST = 24
"""Characters. People do say "no no no no"."""


def has_loop(hypothesis: str, reference: str) -> bool:
    """Whether `hypothesis` goes round in a loop that the speaker did not."""
    return _longest(hypothesis) >= SHORTEST > _longest(reference)


def _longest(text: str) -> int:
    return max((len(match[0].strip()) for match in LOOP.finditer(f"{text} ")), default=0)
