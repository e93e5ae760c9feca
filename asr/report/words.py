"""Words: which are taken for which, which of them training has never seen, and how many of the rare ones are heard."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from asr.scoring.predictions import Prediction

RARE = 5
"""Times that training has seen a rare word, at most."""

RARITIES: Mapping[str, Callable[[int], bool]] = {
    "unseen": lambda seen: seen == 0,
    "rare": lambda seen: 0 < seen <= RARE,
    "common": lambda seen: seen > RARE,
}
"""Kinds of words, by how often training has seen them."""


@dataclass(frozen=True)
class Confusion:
    """A word `said`, heard as `heard`, `count` times. An empty `heard` is a word left out, an empty `said` one made up."""

    said: str
    heard: str
    count: int


@dataclass(frozen=True)
class Recall:
    """How many words were said, and how many of them were heard right."""

    words: int
    heard: int

    @property
    def percent(self) -> float | None:
        """The share that was heard right; None when none was said."""
        return 100 * self.heard / self.words if self.words else None


@dataclass(frozen=True)
class Sentence:
    """A sentence, and how many clips have it in training and in the test split."""

    text: str
    trained: int
    tested: int


def confusions(rows: Iterable[Prediction], most: int) -> list[Confusion]:
    """Count the commonest confusions, `most` of them; among equals, words that were taken for others come first."""
    counted: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for span in row.alignment:
            said, heard = span.said.split(" "), span.heard.split(" ")
            match span.edit:
                case "substitute":
                    counted.update(zip(said, heard, strict=True))
                case "delete":
                    counted.update((word, "") for word in said)
                case "insert":
                    counted.update(("", word) for word in heard)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], "" in item[0], item[0]))
    return [Confusion(said, heard, count) for (said, heard), count in ranked[:most]]


def vocabulary(texts: Iterable[str]) -> Counter[str]:
    """Count how often each word is said."""
    return Counter(word for text in texts for word in text.split())


def in_both(trained: Iterable[str], tested: Iterable[str]) -> list[Sentence]:
    """Find the sentences that training and the test split both have; those that are tested most often come first."""
    known, asked = Counter(trained), Counter(tested)
    found = [Sentence(text, known[text], count) for text, count in asked.items() if text in known]
    return sorted(found, key=lambda each: (-each.tested, -each.trained, each.text))


def unseen_percent(texts: Iterable[str], seen: Mapping[str, int]) -> float | None:
    """The share of words that training has never seen, in percent; None when there are no words."""
    said = vocabulary(texts)
    return 100 * sum(count for word, count in said.items() if not seen.get(word)) / said.total() if said else None


def recalls(rows: Sequence[Prediction], seen: Mapping[str, int]) -> dict[str, Recall]:
    """Count how many words of each of RARITIES were heard.

    Args:
        rows: of one test set.
        seen: how often each word was said in training.
    """
    said: Counter[str] = Counter()
    heard: Counter[str] = Counter()
    for row in rows:
        said.update(row.reference.split())
        heard.update(word for span in row.alignment if span.edit == "equal" for word in span.said.split())
    return {
        rarity: Recall(
            sum(count for word, count in said.items() if belongs(seen.get(word, 0))),
            sum(count for word, count in heard.items() if belongs(seen.get(word, 0))),
        )
        for rarity, belongs in RARITIES.items()
    }
