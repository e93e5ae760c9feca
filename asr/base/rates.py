"""Error rates: which one a language has. Errors are counted in words, or in characters where words aren't parted by spaces."""

from collections.abc import Iterable, Mapping
from typing import Literal

from asr.base.languages import UNSPACED

Metric = Literal["WER", "CER", "mixed"]
"""`mixed`: that of texts in several languages, some of which have a WER and some a CER."""

SHORT: Mapping[Metric, str] = {"WER": "WER", "CER": "CER", "mixed": "error rate"}
LONG: Mapping[Metric, str] = {"WER": "word error rate", "CER": "character error rate", "mixed": "error rate"}
UNITS: Mapping[Metric, str] = {"WER": "words", "CER": "characters", "mixed": "words and characters"}
EXPLAINED: Mapping[Metric, str] = {
    "WER": "WER is all errors over all words of a set",
    "CER": "CER is all errors over all characters of a set, white space left out, as its language doesn't part words",
    "mixed": "The error rate is all errors over all words of a set, and over all characters in languages that don't part words",
}


def metric_of(language: str) -> Metric:
    """The rate of a language, given its code."""
    return "CER" if language in UNSPACED else "WER"


def together(metrics: Iterable[Metric]) -> Metric:
    """The rate of several texts together; that of none is WER."""
    found = set(metrics) or {"WER"}
    return found.pop() if len(found) == 1 else "mixed"


def parted(text: str) -> str:
    """Part every character from the next by a space, so that it is compared as a word would be. White space is left out.

    A character is a code point: a Thai vowel sign is one by itself.
    """
    return " ".join("".join(text.split()))


def joined(text: str, metric: Metric) -> str:
    """A text as it is read: without the spaces between characters where errors are counted in these."""
    return "".join(text.split()) if metric == "CER" else text
