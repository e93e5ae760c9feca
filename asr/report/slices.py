"""Slices: the same score by length of clip, language, speaker and every category of the CSV, and with or without digits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asr.base.rates import Metric
from asr.scoring.interval import FEWEST
from asr.scoring.predictions import Prediction, corpus, error_rate, metric_of

EDGES = (0, 2, 4, 6, 8, 10, 15, 20, 30)
"""Lengths at which a slice ends and the next begins, in seconds."""

MOST_VALUES = 20
"""Values of a category; a column with more is none."""

DURATION, SPEAKER, DIGITS, LANGUAGE = "seconds", "speaker", "digits", "language"
NOT_SAID = "(none)"

Key = Callable[[Prediction], str]
Columns = Mapping[str, Mapping[str, str]]
"""The other columns of the CSV by their names, by the ids of the clips that have any."""


@dataclass(frozen=True)
class Slice:
    """The clips for which `kind` is `value`, and their error rate in percent with its interval; None: too few to tell."""

    kind: str
    value: str
    clips: int
    words: int
    metric: Metric
    error_rate: float
    error_rate_low: float | None
    error_rate_high: float | None


def slices(rows: Sequence[Prediction], columns: Columns) -> list[Slice]:
    """Cut a test set into slices: kinds in a fixed order, lengths rising, the other values by name.

    A kind with one value is left out: its slice would be the whole set.
    """
    keys: dict[str, Key] = {DURATION: _length, DIGITS: _digits, LANGUAGE: _language}
    if _has_speakers(rows):
        keys[SPEAKER] = lambda row: row.speaker or NOT_SAID
    others = [columns.get(row.id, {}) for row in rows]
    return _cut(rows, keys | {column: _of(column, columns) for column in categories(others) if column not in keys})


def by_language(rows: Sequence[Prediction]) -> list[Slice]:
    """Cut a test set by language alone; nothing where there is one."""
    return _cut(rows, {LANGUAGE: _language})


def _cut(rows: Sequence[Prediction], keys: Mapping[str, Key]) -> list[Slice]:
    has_speakers = _has_speakers(rows)
    kinds = ((kind, _by(kind, key, rows)) for kind, key in keys.items())
    return [
        _slice(kind, value, among, has_speakers) for kind, found in kinds if len(found) > 1 for value, among in found.items()
    ]


def categories(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """The columns whose values repeat: from two to MOST_VALUES of them, each for two clips on the average."""
    columns = dict.fromkeys(column for row in rows for column in row)
    values = {column: {row.get(column) or NOT_SAID for row in rows} for column in columns}
    return [column for column, found in values.items() if 2 <= len(found) <= min(MOST_VALUES, len(rows) / 2)]


def _by(kind: str, key: Key, rows: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    found: dict[str, list[Prediction]] = {}
    for row in sorted(rows, key=lambda row: row.seconds) if kind == DURATION else sorted(rows, key=key):
        found.setdefault(key(row), []).append(row)
    return found


def _slice(kind: str, value: str, rows: Sequence[Prediction], has_speakers: bool) -> Slice:
    interval = corpus(rows).interval([row.errors for row in rows]) if _groups(rows, has_speakers) >= FEWEST else None
    low, high = (round(interval.low, 2), round(interval.high, 2)) if interval else (None, None)
    words = sum(row.words for row in rows)
    return Slice(kind, value, len(rows), words, metric_of(rows), round(error_rate(rows), 2), low, high)


def _has_speakers(rows: Sequence[Prediction]) -> bool:
    return any(row.speaker is not None for row in rows)


def _groups(rows: Sequence[Prediction], has_speakers: bool) -> int:
    """Count what is drawn for an interval: speakers, a clip by nobody known being a group of its own; or all clips.

    A slice of one speaker is one group, where a whole set of one speaker would be drawn clip by clip: beside slices of several
    speakers, its interval would mean something else than theirs.
    """
    if not has_speakers:
        return len(rows)
    return len({row.speaker for row in rows} - {None}) + sum(row.speaker is None for row in rows)


def _of(column: str, columns: Columns) -> Key:
    return lambda row: columns.get(row.id, {}).get(column) or NOT_SAID


def _length(row: Prediction) -> str:
    low = max(edge for edge in EDGES if edge <= row.seconds)
    high = next((edge for edge in EDGES if edge > row.seconds), None)
    return f"{low} to {high} s" if high else f"{low} s or more"


def _language(row: Prediction) -> str:
    return row.language


def _digits(row: Prediction) -> str:
    return "with digits" if any(character.isdigit() for character in row.raw_reference) else "without digits"
