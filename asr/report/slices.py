"""Slices: the same score by length of clip, by speaker, by every category of the CSV, and with or without digits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asr.scoring.predictions import Prediction, corpus, error_rate

EDGES = (0, 2, 4, 6, 8, 10, 15, 20, 30)
"""Of the lengths, in seconds."""

MOST_VALUES = 20
"""A column with more is no category."""

FEWEST = 5
"""Speakers, or clips where speakers are not known or there is one: of fewer, an interval would say nothing."""

DURATION, SPEAKER, DIGITS = "seconds", "speaker", "digits"
NOT_SAID = "(none)"

Key = Callable[[Prediction], str]


@dataclass(frozen=True)
class Slice:
    """The clips for which `kind` is `value`, and their WER in percent with its interval; None: too few to tell."""

    kind: str
    value: str
    clips: int
    words: int
    wer: float
    wer_low: float | None
    wer_high: float | None


def slices(rows: Sequence[Prediction]) -> list[Slice]:
    """Every slice of a test set: kinds in a fixed order, lengths rising, the other values by name."""
    keys: dict[str, Key] = {DURATION: _length, DIGITS: _digits}
    if any(row.speaker is not None for row in rows):
        keys[SPEAKER] = lambda row: row.speaker or NOT_SAID
    keys |= {column: _of(column) for column in categories(rows) if column not in keys}
    return [found for kind, key in keys.items() for found in _by(kind, key, rows)]


def categories(rows: Sequence[Prediction]) -> list[str]:
    """The columns whose values repeat: from two to MOST_VALUES of them, each for two clips on the average."""
    columns = dict.fromkeys(column for row in rows for column in row.extra)
    return [column for column in columns if 2 <= len({_of(column)(row) for row in rows}) <= min(MOST_VALUES, len(rows) / 2)]


def _by(kind: str, key: Key, rows: Sequence[Prediction]) -> list[Slice]:
    found: dict[str, list[Prediction]] = {}
    for row in sorted(rows, key=lambda row: row.seconds) if kind == DURATION else sorted(rows, key=key):
        found.setdefault(key(row), []).append(row)
    return [_slice(kind, value, among) for value, among in found.items()]


def _slice(kind: str, value: str, rows: Sequence[Prediction]) -> Slice:
    drawn = corpus(rows)
    interval = drawn.interval([row.errors for row in rows]) if len(drawn.words) >= FEWEST else None
    low, high = (round(interval.low, 2), round(interval.high, 2)) if interval else (None, None)
    return Slice(kind, value, len(rows), sum(row.words for row in rows), round(error_rate(rows), 2), low, high)


def _of(column: str) -> Key:
    return lambda row: row.extra.get(column) or NOT_SAID


def _length(row: Prediction) -> str:
    low = max(edge for edge in EDGES if edge <= row.seconds)
    high = next((edge for edge in EDGES if edge > row.seconds), None)
    return f"{low} to {high} s" if high else f"{low} s or more"


def _digits(row: Prediction) -> str:
    return "with digits" if any(character.isdigit() for character in row.raw_reference) else "without digits"
