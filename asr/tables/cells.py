"""Cells: what is written in a row's columns, and the row that it makes."""

import math
import re
from collections.abc import Sequence

from asr.tables.columns import Columns
from asr.tables.row import BadRow, Row, bad_row, shown

MOST_CHARACTERS = 10_000
"""Of a transcript, a path, a speaker and a language. What is said in 30 s has about 500."""

UNFIT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters other than white space; halves of characters, which JSON can write and UTF-8 can't."""

CLOCK = re.compile(r"(?:(\d{1,4}):(?=[0-5]?\d:))?(\d{1,2}):([0-5]?\d(?:[.,]\d{1,9})?)", re.ASCII)
"""Minutes and seconds are under 60 where hours or minutes stand before them."""

CHANNEL = re.compile(r"(\d{1,3})(?:\.0)?", re.ASCII)
SIDES = {"left": 0, "right": 1}


class CellError(Exception):
    """A cell that can't be used: what is wrong with it in a few words, what it holds, and what to do about it."""

    def __init__(self, reason: str, detail: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.detail, self.remedy = reason, detail, remedy


def to_row(line: int, fields: Sequence[str], columns: Columns) -> Row | BadRow:
    """Make a row of its cells, of which there must be as many as columns."""
    audio = fields[columns.audio].strip()
    try:
        _require_sound(fields, columns)
        start, end = _part(fields, columns)
        return Row(
            line,
            audio,
            _cell(fields, columns.text),
            _cell(fields, columns.speaker) or None,
            _cell(fields, columns.language) or None,
            start,
            end,
            channel(_cell(fields, columns.channel)) if columns.channel is not None else None,
            {name: fields[position] for name, position in columns.extra},
        )
    except CellError as error:
        return bad_row(line, audio, error.reason, error.detail, error.remedy)


def seconds(written: str) -> float | None:
    """A time that is written as seconds or as [h:]mm:ss, with a point or a comma before the fraction; None: a blank.

    Raises:
        CellError: when it is neither.
    """
    if not written:
        return None
    if clock := CLOCK.fullmatch(written):
        hours, minutes, rest = clock.groups()
        time = 3600 * int(hours or 0) + 60 * int(minutes) + float(rest.replace(",", "."))
    else:
        try:
            time = math.nan if "_" in written else float(written.replace(",", "."))
        except ValueError:
            time = math.nan
    if not (math.isfinite(time) and time >= 0):
        raise CellError("time can't be read", shown(written), "write seconds, as 12.5, or h:mm:ss, as 0:00:12.5")
    return round(time, 6)  # so that offset and duration add up to the end that somebody else writes


def channel(written: str) -> int | None:
    """A channel's number, counted from 0, of a number or of `left` or `right`; None: a blank.

    Raises:
        CellError: when it is none of these.
    """
    if not written:
        return None
    if number := CHANNEL.fullmatch(written):
        return int(number.group(1))
    if written.lower() in SIDES:
        return SIDES[written.lower()]
    raise CellError("channel can't be read", shown(written), "write 0, 1, left or right, or rename the column")


def _part(fields: Sequence[str], columns: Columns) -> tuple[float | None, float | None]:
    """The start and the end of the part of a file that is meant, in seconds; None: its own."""
    if columns.start is None:
        return None, None
    start = seconds(_cell(fields, columns.start))
    end = seconds(_cell(fields, columns.end))
    if start is None:
        if end is not None:
            raise CellError("end without start", f"it ends at {end:g} s", "write where it starts, or take the end out")
        return None, None  # a length alone is what the whole file is said to have
    if (length := seconds(_cell(fields, columns.duration))) is not None:
        end = round(start + length, 6)
    if end is not None and end <= start:
        raise CellError("end not after start", f"from {start:g} to {end:g} s", "correct the times")
    return start, end


def _cell(fields: Sequence[str], position: int | None) -> str:
    return "" if position is None else fields[position].strip()


def _require_sound(fields: Sequence[str], columns: Columns) -> None:
    whole = "".join(fields)
    # Most rows are printable, which is quickly seen.
    if not whole.isprintable() and (unfit := UNFIT.search(whole)):
        place = next(place for place, cell in enumerate(fields) if UNFIT.search(cell))
        detail = f"one in {columns.name(place)} is U+{ord(unfit.group()):04X}"
        raise CellError("control characters", detail, "take them out; is the file of another encoding, or damaged?")
    if len(whole) > MOST_CHARACTERS:
        for name, position in columns.limited:
            if len(fields[position]) > MOST_CHARACTERS:
                detail = f"{len(fields[position]):,} characters, more than {MOST_CHARACTERS:,}"
                raise CellError(
                    f"{name} too long", detail, "is a quote left open, or is it no clip? divide it or remove the row"
                )
