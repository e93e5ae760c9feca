"""Letters: whether a normaliser keeps what transcripts are written in."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from asr.base.errors import DataError
from asr.base.normalizers import APOSTROPHES
from asr.base.text import Normalization, spoken

MAX_EMPTIED_SHARE = 0.02
MAX_LOST_SHARE = 0.01
EXAMPLES = 3

Transcript = tuple[str, str | None]
"""A text and the code of its language."""

Letter = tuple[str, str, str | None]
"""The letter before a mark, "" for a letter; the letter or mark itself; the code of its language."""


def require_text_kept(transcripts: Sequence[Transcript], normalization: Normalization) -> list[int]:
    """Stop when a normaliser empties more than MAX_EMPTIED_SHARE of the transcripts.

    Returns:
        the positions of the few that it empties.

    Raises:
        DataError: naming a normaliser that fits.
    """
    gone = _emptied(transcripts, normalization)
    if len(gone) <= MAX_EMPTIED_SHARE * len(transcripts):
        return gone
    better = "multilingual" if len(_emptied(transcripts, Normalization("multilingual"))) < len(gone) else "none"
    raise DataError(
        f"text.normalizer {normalization.name} empties {len(gone)} of {len(transcripts)} transcripts "
        f"(the first: {transcripts[gone[0]][0]!r}); set text.normalizer to {better}"
    )


def require_letters_kept(transcripts: Iterable[Transcript], normalization: Normalization) -> float:
    """Stop when a normaliser deletes more than MAX_LOST_SHARE of the letters and marks.

    One is kept when something is left of it where it stands: é that becomes e is, and a vowel sign that vanishes from its
    consonant isn't. What a normaliser makes of whole words, such as a number in digits, is no loss.

    Returns:
        the share that it deletes.

    Raises:
        DataError: naming a normaliser that fits, and the letters that are lost most often.
    """
    counted = _letters(transcripts)
    lost = Counter({letter: count for letter, count in counted.items() if not _is_kept(letter, normalization)})
    share = lost.total() / max(counted.total(), 1)
    if share > MAX_LOST_SHARE:
        name, came_to = normalization.name, normalization.names(language for _, _, language in lost)
        told = name if name == came_to else f"{name}, here {came_to},"
        language = "model.language, or " if name == "auto" and normalization.language is None else ""
        examples = ", ".join(f"{base}{letter}" for (base, letter, _), _ in lost.most_common(EXAMPLES))
        raise DataError(
            f"text.normalizer {told} deletes {100 * share:.1f} % of the letters ({examples}), so errors in them would not "
            f"count: set {language}text.normalizer to multilingual"
        )
    return share


def _emptied(transcripts: Sequence[Transcript], normalization: Normalization) -> list[int]:
    return [position for position, transcript in enumerate(transcripts) if not normalization.normalized(*transcript)]


def _letters(transcripts: Iterable[Transcript]) -> Counter[Letter]:
    counted: Counter[Letter] = Counter()
    for text, language in transcripts:
        base = ""
        for character in unicodedata.normalize("NFC", spoken(text)):
            if character in APOSTROPHES:
                continue
            match unicodedata.category(character)[0]:
                case "L":
                    base = character
                    counted["", character, language] += 1
                case "M":
                    counted[base, character, language] += 1
    return counted


def _is_kept(letter: Letter, normalization: Normalization) -> bool:
    base, itself, language = letter
    alone, together = (normalization.normalized(text, language) for text in (base, base + itself))
    return _size(together) > _size(alone)


def _size(text: str) -> int:
    """Count letters, marks and digits, each mark by itself."""
    return sum(unicodedata.category(character)[0] in "LMN" for character in unicodedata.normalize("NFD", text))
