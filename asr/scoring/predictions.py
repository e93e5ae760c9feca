"""Predictions: what a model heard in every clip of a test set, word by word, and what that comes to."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asr.base.rates import Metric, together
from asr.scoring.align import Span
from asr.scoring.interval import Corpus, Unit


@dataclass(frozen=True)
class Prediction:
    """A clip of the test set `dataset`: what was said and what the model heard.

    A word is what spaces part in the normalised texts. Of a clip whose `metric` is CER it is a character.

    Attributes:
        language: the code of what is spoken.
        seconds: the clip's length, without the silence that was trimmed.
        reference, hypothesis: both normalised.
        raw_reference, raw_hypothesis: as transcribed, and as the model wrote it.
        metric: what its errors are counted in.
        errors: wrong words, of `words` in the reference: substitutions, deletions and insertions.
        is_cut_off: the model had more to say at decode.max_new_tokens, or when it had said more than the clip can hold.
        has_loop: it says something over and over that nobody said, whether it was ended for that or ended by itself.
        alignment: runs of words, equal or not, from the reference to the hypothesis.
        ignored_in_reference, ignored_in_hypothesis: words that the normaliser dropped from them, as they fill pauses.
    """

    dataset: str
    id: str
    path: str
    speaker: str | None
    language: str
    seconds: float
    reference: str
    hypothesis: str
    raw_reference: str
    raw_hypothesis: str
    metric: Metric
    errors: int
    words: int
    substitutions: int
    deletions: int
    insertions: int
    is_cut_off: bool
    has_loop: bool
    alignment: tuple[Span, ...]
    ignored_in_reference: int = 0
    ignored_in_hypothesis: int = 0


PredictionsBySet = dict[str, list[Prediction]]
"""Predictions by the name of their test set."""


@dataclass(frozen=True)
class Summary:
    """A test set in numbers. Rates are in percent, of the normalised texts but for those that are `raw`.

    Attributes:
        metric: what `error_rate` is: the WER, the CER, or errors in words of some languages and in characters of others.
        error_rate_low, error_rate_high: where it lies with 95 % confidence; None for too few groups, or for equal rates in
            all.
        resampled: what is drawn to find them.
        groups: how many of these there are.
        wer, raw_wer: None where the metric isn't WER.
        words: in the references; a character is one where errors are counted in these.
        empty: hypotheses without a word, all deletions.
        cut_off: hypotheses at the limit of tokens.
        looping: hypotheses that go round in a loop.
        looping_errors: the errors in them.
        error_rate_without_loops: that of the other clips; None where there are none.
        ignored_references, ignored_hypotheses: those of which the normaliser dropped a word.
    """

    metric: Metric
    error_rate: float
    error_rate_low: float | None
    error_rate_high: float | None
    resampled: Unit
    groups: int
    wer: float | None
    cer: float
    mer: float
    raw_wer: float | None
    raw_cer: float
    substitutions: int
    deletions: int
    insertions: int
    words: int
    clips: int
    empty: int
    cut_off: int
    looping: int
    ignored_references: int
    ignored_hypotheses: int
    looping_errors: int
    error_rate_without_loops: float | None


def parse_predictions(lines: Iterable[str]) -> PredictionsBySet:
    """Read what `write_rows` wrote, parted by test set, each in the order given.

    Raises:
        ValueError, TypeError, KeyError: when that was written by another version of this project.
    """
    rows = [json.loads(line) for line in lines]
    return by_set([Prediction(**{**row, "alignment": tuple(Span(*span) for span in row["alignment"])}) for row in rows])


def by_set(rows: Iterable[Prediction]) -> PredictionsBySet:
    """Part predictions by test set, each in the order given."""
    sets: PredictionsBySet = {}
    for row in rows:
        sets.setdefault(row.dataset, []).append(row)
    return sets


def error_rate(rows: Sequence[Prediction]) -> float:
    """All errors over all words, in percent."""
    return 100 * sum(row.errors for row in rows) / max(sum(row.words for row in rows), 1)


def metric_of(rows: Iterable[Prediction]) -> Metric:
    """What the error rate of clips is, taken together."""
    return together(row.metric for row in rows)


def corpus(rows: Sequence[Prediction]) -> Corpus:
    """Gather what is drawn to find how sure a rate is."""
    return Corpus.of([row.words for row in rows], [row.speaker for row in rows])


LOOP = re.compile(r"(.{1,80}?)\1{3,}", re.DOTALL)
"""Some characters, four times in a row or more. Characters, since not every script parts words."""

SHORTEST = 24
"""Characters of the shortest loop: people do say "no no no no"."""


def has_loop(hypothesis: str, reference: str, was_ended: bool = False) -> bool:
    """Whether `hypothesis` goes round in a loop that the speaker did not.

    `was_ended`: decoding has ended it because its tokens did (see asr/model/limits.py). Their text may show it no more, as in
    "zero zero zero", of which a normaliser makes a number.
    """
    return (was_ended or _longest(hypothesis) >= SHORTEST) and _longest(reference) < SHORTEST


def _longest(text: str) -> int:
    return max((len(match[0].strip()) for match in LOOP.finditer(f"{text} ")), default=0)
