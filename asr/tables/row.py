"""Rows: what a table says of each clip, before anybody has looked at the audio."""

from dataclasses import dataclass, field

MOST_SHOWN = 100
"""Characters of a cell in a message."""

MOST_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One clip as its table has it.

    Attributes:
        line: where it starts in the table's file, counted from 1.
        audio: the file's name, as written.
        text: what was said, as written; white space at both ends is gone.
        speaker, language: None where the table has no such column, or the cell is blank.
        start, end: seconds of a part of the file; None: its start, its end.
        channel: counted from 0; None: all of them.
        extra: the other columns.
    """

    line: int
    audio: str
    text: str
    speaker: str | None = None
    language: str | None = None
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be read, and what to do about it."""

    line: int
    audio: str
    reason: str
    detail: str
    remedy: str


def bad_row(line: int, audio: str, reason: str, detail: str, remedy: str) -> BadRow:
    """Make a row that can't be read, with as much of its audio's name and of the detail as a message has room for."""
    return BadRow(line, shown(audio), reason, shown(detail, MOST_DETAIL), remedy)


def shown(text: str, most: int = MOST_SHOWN) -> str:
    """The beginning of a text, with question marks for what a terminal can't show or would obey."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(character if character.isprintable() else "?" for character in cut)
