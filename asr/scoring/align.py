"""Scoring: hypotheses against references, word by word and character by character.

jiwer aligns. Rates are of the corpus, all errors over all that was said, never a mean over utterances. A reference without
words adds whatever was heard to the corpus's insertions; in its own rate it counts as one word. A hypothesis without words is
all deletions.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import jiwer

from asr.scoring.wer import load_error_rates

Edit = Literal["equal", "substitute", "delete", "insert"]


@dataclass(frozen=True)
class Counts:
    """What it takes to turn references into hypotheses."""

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """All three kinds."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def length(self) -> int:
        """Of the references, in words or characters."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float:
        """Errors over length, in percent; over 100 when much was inserted."""
        return 100 * self.errors / max(self.length, 1)


@dataclass(frozen=True)
class Span:
    """A run of words alike in kind: what was said, and what was heard instead of it."""

    edit: Edit
    said: str
    heard: str


@dataclass(frozen=True)
class Utterance:
    """One reference and hypothesis, aligned."""

    reference: str
    hypothesis: str
    words: Counts
    characters: Counts
    alignment: tuple[Span, ...]


@dataclass(frozen=True)
class Score:
    """A corpus: its utterances in the order given, and all of them together. Rates in percent."""

    utterances: tuple[Utterance, ...]
    words: Counts
    characters: Counts
    wer: float
    cer: float
    mer: float

    @property
    def errors(self) -> list[int]:
        """Word errors of each utterance."""
        return [utterance.words.errors for utterance in self.utterances]

    @property
    def lengths(self) -> list[int]:
        """Words in each reference."""
        return [utterance.words.length for utterance in self.utterances]


def score(references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    """Compare texts as they are; whoever wants them normalised does so before."""
    if not references and not hypotheses:  # of which jiwer makes one empty alignment
        nothing = Counts(0, 0, 0, 0)
        return Score((), nothing, nothing, 0.0, 0.0, 0.0)
    words = jiwer.process_words(list(references), list(hypotheses))
    characters = jiwer.process_characters(list(references), list(hypotheses))
    utterances = tuple(
        Utterance(reference, hypothesis, _counts(by_word), _counts(by_character), _steps(by_word, said, heard))
        for reference, hypothesis, by_word, by_character, said, heard in zip(
            references, hypotheses, words.alignments, characters.alignments, words.references, words.hypotheses, strict=True
        )
    )
    rates = load_error_rates().compute(predictions=list(hypotheses), references=list(references))
    return Score(
        utterances,
        _total([utterance.words for utterance in utterances]),
        _total([utterance.characters for utterance in utterances]),
        wer=100 * rates["wer"],
        cer=100 * rates["cer"],
        mer=100 * rates["mer"],
    )


def _counts(chunks: Sequence[jiwer.AlignmentChunk]) -> Counts:
    lengths: Counter[str] = Counter()
    for chunk in chunks:
        lengths[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
    return Counts(lengths["equal"], lengths["substitute"], lengths["delete"], lengths["insert"])


def _total(counts: Sequence[Counts]) -> Counts:
    return Counts(
        sum(each.hits for each in counts),
        sum(each.substitutions for each in counts),
        sum(each.deletions for each in counts),
        sum(each.insertions for each in counts),
    )


def _steps(chunks: Sequence[jiwer.AlignmentChunk], said: Sequence[str], heard: Sequence[str]) -> tuple[Span, ...]:
    return tuple(
        Span(
            cast(Edit, chunk.type),
            " ".join(said[chunk.ref_start_idx : chunk.ref_end_idx]),
            " ".join(heard[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in chunks
    )
