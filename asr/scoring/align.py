"""Alignment: hypotheses against references, word by word.

jiwer aligns. A reference without words adds whatever was heard to the corpus's insertions. A hypothesis without words is all
deletions.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import jiwer

Edit = Literal["equal", "substitute", "delete", "insert"]


class Span(NamedTuple):
    """A run of words alike in kind: what was said, and what was heard instead of it."""

    edit: Edit
    said: str
    heard: str


@dataclass(frozen=True)
class Counts:
    """What it takes to turn references into hypotheses, in words."""

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """Errors of all three kinds."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def length(self) -> int:
        """Words in the references."""
        return self.hits + self.substitutions + self.deletions


@dataclass(frozen=True)
class Utterance:
    """One reference and hypothesis, aligned."""

    reference: str
    hypothesis: str
    counts: Counts
    alignment: tuple[Span, ...]


def align(references: Sequence[str], hypotheses: Sequence[str]) -> list[Utterance]:
    """Compare texts as they are, in the order given; whoever wants them normalised does so before."""
    if not references and not hypotheses:  # of which jiwer makes one empty alignment
        return []
    words = jiwer.process_words(list(references), list(hypotheses))
    return [
        Utterance(reference, hypothesis, _counts(chunks), tuple(_spans(chunks, said, heard)))
        for reference, hypothesis, chunks, said, heard in zip(
            references, hypotheses, words.alignments, words.references, words.hypotheses, strict=True
        )
    ]


def _counts(chunks: Sequence[jiwer.AlignmentChunk]) -> Counts:
    lengths: Counter[str] = Counter()
    for chunk in chunks:
        lengths[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
    return Counts(lengths["equal"], lengths["substitute"], lengths["delete"], lengths["insert"])


def _spans(chunks: Sequence[jiwer.AlignmentChunk], said: Sequence[str], heard: Sequence[str]) -> list[Span]:
    return [
        Span(
            cast(Edit, chunk.type),
            " ".join(said[chunk.ref_start_idx : chunk.ref_end_idx]),
            " ".join(heard[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in chunks
    ]
