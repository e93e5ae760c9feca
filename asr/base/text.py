"""Texts: what of a transcript is learned, and what it becomes before it is compared with a hypothesis."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from asr.base.languages import Language
from asr.base.normalizers import ENGLISH, JOINERS, NormalizerName, chosen, ignored, normalizer, reader
from asr.base.rates import Metric, metric_of, parted
from asr.base.sections import Section


class Text(Section):
    """What is learned of transcripts, and what doesn't count when they are compared."""

    labels: Literal["written", "normalized"]
    timestamps: Literal["drop", "keep"]
    normalizer: NormalizerName


class Speech(Section):
    """What is spoken, and what is written.

    Attributes:
        language: that is spoken; None where a model knows English only, or each clip says its own.
        task: `translate` where the texts are English, whatever is spoken.
    """

    model_config = ConfigDict(extra="ignore")

    language: Language | None
    task: Literal["transcribe", "translate"]


TIMESTAMP = re.compile(r"<\|\d+\.\d\d\|>")
"""As Whisper writes them."""


def spoken(text: str) -> str:
    """A transcript without its timestamps."""
    return TIMESTAMP.sub(" ", text).strip() if "<|" in text else text


def cleaned(text: str) -> str:
    """A transcript as it was written, but composed (NFC), without invisible characters, and each white space a single space."""
    kept = (each for each in unicodedata.normalize("NFC", text) if each.isspace() or each in JOINERS or not _is_control(each))
    return " ".join("".join(kept).split())


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf")


@dataclass(frozen=True)
class Normalization:
    """What becomes of texts before they are compared, of each by the language in which it is written.

    Languages are codes. Of a text that doesn't say its own it is `language`, or English where that is None.

    Attributes:
        name: text.normalizer.
        language: that of most texts.
        is_translated: all texts are English, whatever is spoken.
    """

    name: NormalizerName
    language: str | None = None
    is_translated: bool = False

    @classmethod
    def of(cls, text: Text, speech: Speech) -> "Normalization":
        """The one that the parameters ask for."""
        return cls(text.normalizer, speech.language, speech.task == "translate")

    def spoken_in(self, language: str | None) -> str:
        """The language of a recording, given its own."""
        return language or self.language or ENGLISH

    def normalized(self, text: str, language: str | None = None) -> str:
        """What is left of a text. Timestamps are no part of what is said, and vanish, as does what nobody sees."""
        return normalizer(self.name, self._written_in(language))(cleaned(spoken(text)))

    def compared(self, text: str, language: str | None = None) -> str:
        """What is normalized, and under `whisper_english` its numbers digit by digit; where errors are counted in characters, a
        space parts each from the next.
        """
        normalized = reader(self.name, self._written_in(language))(self.normalized(text, language))
        return parted(normalized) if self.metric(language) == "CER" else normalized

    def ignored(self, text: str, language: str | None = None) -> int:
        """How many words of a text don't count, as the normaliser drops them."""
        return ignored(self.name, cleaned(spoken(text)), self._written_in(language))

    def metric(self, language: str | None = None) -> Metric:
        """The rate that texts have."""
        return metric_of(self._written_in(language))

    def names(self, languages: Iterable[str | None]) -> str:
        """The normalisers that texts in these languages go through."""
        return ", ".join(sorted({chosen(self.name, self._written_in(language)) for language in languages} or {self.name}))

    def _written_in(self, language: str | None) -> str:
        return ENGLISH if self.is_translated else self.spoken_in(language)


def labels(settings: Text, normalization: Normalization) -> Callable[[str, str | None], str]:
    """The function that makes of a transcript and its language what is learned.

    Where timestamps are kept, what is said between them is written by itself.
    """

    def write(text: str, language: str | None) -> str:
        return cleaned(text) if settings.labels == "written" else normalization.normalized(text, language)

    def around(text: str, language: str | None) -> str:
        first, *others = (write(part, language) for part in TIMESTAMP.split(text))
        marks = TIMESTAMP.findall(text)
        return "".join([first, *(f"{mark} {part}" if part else mark for mark, part in zip(marks, others, strict=True))])

    return around if settings.timestamps == "keep" else lambda text, language: write(spoken(text), language)
