"""Text normalisers: what is left of a text when case, punctuation and the like don't count."""

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Literal

NormalizerName = Literal["auto", "whisper_english", "basic_english", "multilingual", "none"]
Normalizer = Callable[[str], str]

ENGLISH = "en"
DOTTED = frozenset({"tr", "az"})
"""Languages in which a capital I without a dot is another letter than one with a dot."""

APOSTROPHES = frozenset("'’‘ʼʻ´`")
"""One sign to those who write, though Unicode counts two of them as letters."""

MINUS = re.compile(r"(?<![^\s(\[{])[-–](?=[.,]?\d)")
"""A hyphen or a dash that is one: nothing stands in front of it, as in ranges and dates."""

CURRENCY = re.compile(r"([$€£¥₩₹₽])\s?(\d+(?:[.,]\d+)*)")
"""A sign that stands in front of its number."""

JOINERS = "\u200c\u200d"
"""Control characters that are spelling: Persian and the Indic scripts part and join letters with them."""


def chosen(name: NormalizerName, language: str) -> NormalizerName:
    """What `auto` comes to in a language, given its code; any other name is returned as it is."""
    if name != "auto":
        return name
    return "whisper_english" if language == ENGLISH else "multilingual"


def normalizer(name: NormalizerName, language: str = ENGLISH) -> Normalizer:
    """The function from text to text that goes by `name`, for texts in a language, given its code."""
    match chosen(name, language):
        case "basic_english":
            return basic_english
        case "whisper_english":
            from asr.base.english import english  # here, as few need the reference

            return english
        case "none":
            return str.strip
        case _:
            return partial(multilingual, language=language)


def basic_english(text: str) -> str:
    """Lower-case; keep a-z, 0-9 and single spaces. Deletes every letter of another script."""
    return " ".join(re.sub(r"[^a-z0-9\s]", "", text.lower()).split())


def multilingual(text: str, language: str = ENGLISH) -> str:
    """Lower-case as the language does; keep the letters, marks and digits of every script. Apostrophes and JOINERS vanish, and
    other signs part words.

    What changes a number stays, as a word: a minus in front, %, ‰, ° and currencies, behind it. A point and a comma part it.
    Forms of one character that differ in width or style are one (NFKC), such as Japanese digits, Latin and katakana.
    """
    kept = []
    signed = MINUS.sub("\u2212", CURRENCY.sub(r"\2 \1 ", unicodedata.normalize("NFKC", text)))
    for character in unicodedata.normalize("NFKC", _lower(signed, language)):
        if character in APOSTROPHES or character in JOINERS:
            continue
        if character in "\u2212%‰°" or unicodedata.category(character) == "Sc":
            kept.append(f" {character} ")
        else:
            kept.append(character if unicodedata.category(character)[0] in "LMN" else " ")
    return " ".join("".join(kept).split())


def _lower(text: str, language: str) -> str:
    return (text.replace("I", "ı").replace("İ", "i") if language in DOTTED else text).lower()


def reader(name: NormalizerName, language: str = ENGLISH) -> Normalizer:
    """The function from what a normaliser leaves to what is compared: `whisper_english` has numbers read digit by digit."""
    if chosen(name, language) != "whisper_english":
        return str
    from asr.base.english import read_out

    return read_out


def ignored(name: NormalizerName, text: str, language: str = ENGLISH) -> int:
    """Count the words that a normaliser drops: under `whisper_english` those that fill pauses, such as um."""
    if chosen(name, language) != "whisper_english":
        return 0
    from asr.base.english import fillers

    return fillers(text)
