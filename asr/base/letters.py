"""Letters: whether a normaliser keeps what transcripts are written in."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from asr.base.errors import DataError
from asr.base.normalizers import APOSTROPHES
from asr.base.text import Normalization, spoken

MAX_EMPTIED_SHARE = 0.02
MAX_LOST_SHARE = 0.01
EXAMPLES = 3

PARTS_OF_NUMBERS = frozenset(
    "a an and one ones oh o point double triple half halves third thirds quarter quarters fourth fourths over minus negative "
    "plus positive percent per cent cents dollar dollars euro euros pound pounds clock oclock m".split()
)
"""Words that may become part of a number in digits, or of its signs. Other number words are in digits by themselves, too."""

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
    consonant isn't. Further, all letters of a word are lost that vanishes from its transcript, as in brackets. What becomes of
    a number in words is no loss, nor is a word that only fills a pause: these are counted with the predictions.

    Returns:
        the share that it deletes.

    Raises:
        DataError: naming a normaliser that fits, and the letters that are lost most often.
    """
    transcripts = list(transcripts)
    counted = _letters(transcripts)
    lost = Counter({letter: count for letter, count in counted.items() if not _is_kept(letter, normalization)})
    vanished = _vanished(transcripts, normalization)
    share = (lost.total() + vanished.total()) / max(counted.total(), 1)
    if share > MAX_LOST_SHARE:
        languages = {language for _, _, language in lost} or {language for _, language in transcripts}
        name, came_to = normalization.name, normalization.names(languages)
        told = name if name == came_to else f"{name}, here {came_to},"
        language = "model.language, or " if name == "auto" and normalization.language is None else ""
        both = Counter({f"{base}{letter}": count for (base, letter, _), count in lost.items()}) + vanished
        examples = ", ".join(example for example, _ in both.most_common(EXAMPLES))
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


def _vanished(transcripts: Iterable[Transcript], normalization: Normalization) -> Counter[str]:
    """Count the letters of words of which a normaliser leaves something alone and nothing in their transcript, or neither."""
    lost: Counter[str] = Counter()
    alone: dict[Transcript, list[str]] = {}
    for text, language in transcripts:
        words = spoken(text).split()
        for word in words:
            if (word, language) not in alone:
                alone[word, language] = normalization.normalized(word, language).split()
            if not alone[word, language] and not normalization.ignored(word, language):
                lost[word] += sum(
                    _is_kept(letter, normalization) * count for letter, count in _letters([(word, language)]).items()
                )
        before = [token for word in words for token in alone[word, language]]
        for token in _gone(before, normalization.normalized(text, language).split()):
            lost[token] += _letter_count(token)
    return +lost


def _gone(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Yield the words that have nothing in their place, given those of a transcript one by one and all together."""
    if before == after:
        return
    for kind, start, end, other_start, other_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        instead = after[other_start:other_end]
        around = after[max(0, other_start - 1) : other_end + 1]
        is_number = any(character.isdigit() for word in around for character in word)
        room = sum(_letter_count(word) for word in instead)
        for word in before[start:end] if kind != "equal" else ():
            if is_number and (word in PARTS_OF_NUMBERS or any(map(str.isdigit, word))):
                continue
            room -= _letter_count(word)
            if room < 0:
                yield word


def _letter_count(text: str) -> int:
    return sum(unicodedata.category(character)[0] in "LM" for character in unicodedata.normalize("NFC", text))


def _is_kept(letter: Letter, normalization: Normalization) -> bool:
    base, itself, language = letter
    alone, together = (normalization.normalized(text, language) for text in (base, base + itself))
    return _size(together) > _size(alone)


def _size(text: str) -> int:
    """Count letters, marks and digits, each mark by itself."""
    return sum(unicodedata.category(character)[0] in "LMN" for character in unicodedata.normalize("NFD", text))
