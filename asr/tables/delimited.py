"""Delimited tables: a row a line, its cells parted by commas, semicolons, tabs or pipes, with or without a line of names."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.base.errors import DataError
from asr.base.names import is_media
from asr.tables.cells import to_row
from asr.tables.columns import ColumnNames, Columns, find_columns, is_usual
from asr.tables.contents import Format, Table
from asr.tables.dialect import DELIMITERS, Dialect, find_dialect, first_rows, open_rows
from asr.tables.encoding import Encoding
from asr.tables.row import BadRow, Row, bad_row

if TYPE_CHECKING:
    import _csv

LJSPEECH = ("audio", "text", "normalized_text")
"""What its columns hold: ids, transcripts as written, and as spoken, with numbers and abbreviations spelled out."""


def read_delimited(path: Path, encoding: Encoding, named: ColumnNames, format: Format) -> Table:
    """Read a table. Blank rows are passed over; no value is taken for missing, not even "null".

    Args:
        path: its file.
        encoding: how that is encoded.
        named: the names of the columns.
        format: `csv` or `ljspeech`; any other: found out.

    Raises:
        DataError: when it can't be told what is in which column, or a quote makes the rest of the file unreadable.
    """
    dialect = find_dialect(path, encoding, named)
    head = first_rows(path, encoding, dialect)
    if not head:
        raise DataError(f"{path}: no row that can be read; a table has a row for each clip")
    found, names = _layout(head, dialect, named, format, path)
    header = head[0] if names is None else names
    usual = ColumnNames(need_text=named.need_text)
    columns, told = find_columns(header, f"{path}:{dialect.skipped + 1}", usual if names else named)
    kind = "LJSpeech's table, " if found == "ljspeech" else "no line of names, " if names else ""
    told.insert(0, f"{path}: {kind}{dialect.told}, {encoding.told}")
    if names == LJSPEECH:
        told.insert(1, "the transcript is the second column, as written; the third, as spoken, is kept as normalized_text")
    with open_rows(path, encoding, dialect) as lines:
        rows = list(_rows(lines, header, columns, dialect, path))
    return Table(rows, found, tuple(told), audio_column=header[columns.audio].strip())


def _layout(
    head: Sequence[Sequence[str]], dialect: Dialect, named: ColumnNames, format: Format, path: Path
) -> tuple[Format, tuple[str, ...] | None]:
    """Whose table it is, and the names of its columns where its first row is a clip; None: that row names them."""
    first, width = head[0], len(head[0])
    if format == "ljspeech":
        if width not in (2, 3):
            raise DataError(f"{path}: {width} columns; LJSpeech's table has an id, a transcript and perhaps a normalised one")
        return "ljspeech", LJSPEECH[:width]
    if (named.given and named.are_required) or any(cell.strip() in named.given for cell in first):
        return "csv", None
    if any(is_media(cell.strip()) for cell in first):
        if width == 1:
            return "csv", ("audio",)
        if width != 2:
            raise DataError(
                f"{path}: the first row is a clip, and its {width} columns have no names; "
                f"put them into a line before it, such as {dialect.delimiter.join(('audio', 'text', 'speaker'))}"
            )
        return "csv", ("audio", "text") if is_media(first[0].strip()) else ("text", "audio")
    is_named = any(map(is_usual, first)) or any(is_media(cell.strip()) for row in head for cell in row)
    if format == "csv" or is_named or dialect.delimiter != "|" or width not in (2, 3):
        return "csv", None
    return "ljspeech", LJSPEECH[:width]


def _rows(
    lines: "_csv.Reader", header: Sequence[str], columns: Columns, dialect: Dialect, path: Path
) -> Iterator[Row | BadRow]:
    end = dialect.skipped
    has_begun = is_named = False
    try:
        for fields in lines:
            start, end = end + 1, lines.line_num + dialect.skipped
            if not any(fields):
                continue
            if not has_begun:
                has_begun, is_named = True, fields == header
                if is_named:
                    continue
            if len(fields) != len(header):
                first = "header" if is_named else "first row"
                detail = f"{len(fields)} fields where the {first} has {len(header)}"
                audio = fields[min(columns.audio, len(fields) - 1)]
                yield bad_row(start, audio, "wrong number of fields", detail, _remedy(dialect))
            elif end > start and _holds_a_row(fields, columns, dialect):
                detail = f"a quoted field goes on to line {end} and holds what look like rows"
                audio = fields[columns.audio]
                yield bad_row(start, audio, "quote left open", detail, "close the quote, or take the line breaks out")
            else:
                yield to_row(start, fields, columns)
    except csv.Error as error:
        raise DataError(
            f"{path}:{end + 1}: not a table ({error}): a quote that opens a field must close it, and one inside is doubled"
        ) from error


def _remedy(dialect: Dialect) -> str:
    noun = DELIMITERS[dialect.delimiter]
    return f"quote a transcript that holds a {noun}" if dialect.quoted else f"take the {noun} out of a transcript that has one"


def _holds_a_row(fields: Sequence[str], columns: Columns, dialect: Dialect) -> bool:
    """Whether a stray quote has swallowed rows: a later line of a field has a path where the table has its paths."""
    for place, field in enumerate(fields):
        _, *later = re.split(r"\r\n|\r|\n", field)
        for number, line in enumerate(later, start=1):
            cells = line.split(dialect.delimiter)
            if len(cells) > max(columns.audio, 1):
                rest = fields[place + 1 :] if number == len(later) else []
                if _is_a_row([*cells, *rest], fields, columns):
                    return True
    return False


def _is_a_row(cells: Sequence[str], fields: Sequence[str], columns: Columns) -> bool:
    """Whether cells may be a row beside another: with a path or an id like that one's, which white space makes speech.

    An id may be a number that is said, so that there must be just as many cells, and text among them; a path can't be.
    """
    cell, audio = cells[columns.audio].strip(), fields[columns.audio].strip()
    if re.search(r"\s", cell):
        return is_media(cell) and re.search(r"\s", audio) is not None
    if is_media(cell):
        return True
    is_whole = len(cells) == len(fields) and (columns.text is None or cells[columns.text].strip() != "")
    return is_whole and re.search(r"\d", cell) is not None and _shape(cell) == _shape(audio)


def _shape(written: str) -> str:
    """LJ001-0002 has the shape a0-0; a number by itself has as many zeros as digits, as 91 is no id like 1001."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d" if written.isdecimal() else r"\d+", "0", written))
