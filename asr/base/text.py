"""Text normalisers: what a transcript becomes before it is learned, and what both sides become before they are compared."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

from asr.base.errors import DataError
from asr.base.sections import Section

NormalizerName = Literal["basic_english", "whisper_english", "multilingual", "none"]
Normalizer = Callable[[str], str]

MAX_EMPTIED_SHARE = 0.02


class Text(Section):
    """The parameters of normalising transcripts."""

    normalizer: NormalizerName


TIMESTAMP = re.compile(r"<\|\d+\.\d\d\|>")
"""As Whisper writes them."""


def spoken(text: str) -> str:
    """A transcript without its timestamps."""
    return TIMESTAMP.sub(" ", text).strip() if "<|" in text else text


def normalizer(name: NormalizerName) -> Normalizer:
    """The function from text to text that goes by `name`. Timestamps are no part of what is said, and vanish."""
    normalize = _by_name(name)
    return lambda text: normalize(spoken(text))


def normalizer_of_labels(name: NormalizerName) -> Normalizer:
    """The function that normalises what is said between a transcript's timestamps; these stay, for the model to learn."""
    normalize = normalizer(name)

    def around(text: str) -> str:
        spoken, marks = [normalize(part) for part in TIMESTAMP.split(text)], TIMESTAMP.findall(text)
        if not marks:
            return spoken[0]
        parts = [spoken[0], *(f"{mark} {part}" if part else mark for mark, part in zip(marks, spoken[1:], strict=True))]
        return "".join(parts)

    return around


def _by_name(name: NormalizerName) -> Normalizer:
    match name:
        case "basic_english":
            return basic_english
        case "whisper_english":
            return _whisper_english()
        case "multilingual":
            return multilingual
        case "none":
            return str.strip


def basic_english(text: str) -> str:
    """Lower-case; keep a-z, 0-9 and single spaces. Deletes every letter of another script."""
    return " ".join(re.sub(r"[^a-z0-9\s]", "", text.lower()).split())


def multilingual(text: str) -> str:
    """Lower-case; keep the letters, marks and digits of every script; apostrophes vanish, other signs part words.

    Joiners inside a word (zero-width, as in Persian and the Indic scripts) are invisible and vanish too.
    """
    kept = []
    for character in unicodedata.normalize("NFC", text.lower()):
        if unicodedata.category(character)[0] in "LMN":
            kept.append(character)
        elif character not in "'’\u200b\u200c\u200d\u2060\ufeff":
            kept.append(" ")
    return " ".join("".join(kept).split())


def emptied(texts: Sequence[str], normalize: Normalizer) -> list[int]:
    """The positions of the transcripts in which `normalize` leaves nothing."""
    return [position for position, text in enumerate(texts) if not normalize(text)]


def lost_letter_share(texts: Sequence[str], normalize: Normalizer) -> float:
    """The share of letters and marks that `normalize` deletes, counting no more than one text can lose."""
    before = after = 0
    for text in texts:
        letters = _letters(text)
        before += letters
        after += min(letters, _letters(normalize(text)))
    return 1 - after / before if before else 0.0


def require_text_kept(texts: Sequence[str], name: NormalizerName) -> list[int]:
    """Stop when a normaliser empties more than MAX_EMPTIED_SHARE of the transcripts.

    Returns:
        the positions of the few that it empties.

    Raises:
        DataError: naming a normaliser that fits.
    """
    gone = emptied(texts, normalizer(name))
    if len(gone) <= MAX_EMPTIED_SHARE * len(texts):
        return gone
    better = "multilingual" if len(emptied(texts, multilingual)) < len(gone) else "none"
    raise DataError(
        f"text.normalizer {name} empties {len(gone)} of {len(texts)} transcripts (the first: {texts[gone[0]]!r}); "
        f"set text.normalizer to {better}"
    )


def _letters(text: str) -> int:
    return sum(unicodedata.category(character)[0] in "LM" for character in text)


@cache
def _whisper_english() -> Normalizer:
    from whisper_normalizer.english import EnglishTextNormalizer  # here, as few need it

    normalize: Normalizer = EnglishTextNormalizer()
    return normalize
