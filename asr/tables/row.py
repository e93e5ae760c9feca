"""Rows: what a table says of each clip, before anybody has looked at the audio."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class BadRow:
    """A row that can't be read, and what to do about it."""

    line: int
    audio: str
    reason: str
    detail: str
    remedy: str
