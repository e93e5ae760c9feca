"""Dialects: what parts the cells of a table in text, and whether quotes are signs of its format or of its transcripts."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from asr.base.errors import DataError
from asr.base.names import is_media
from asr.tables.columns import ColumnNames, is_usual
from asr.tables.encoding import Encoding, open_text

if TYPE_CHECKING:
    import _csv

DELIMITERS = {"\t": "tab", "|": "pipe", ";": "semicolon", ",": "comma"}
"""Those that are rarer in speech come first: where two part the rows equally well, it is the first."""

MOST_IN_A_FIELD = 1 << 24
"""Characters; where there are more, a quote has swallowed the rest of the file."""

csv.field_size_limit(MOST_IN_A_FIELD)  # of the whole process, whose other readers it does no harm

SAMPLE = 1 << 20
SAMPLED_ROWS = 200

SEP = re.compile(r'"?sep=([,;|\t])"?\s*', re.IGNORECASE)
"""Excel's own first line, which is no row."""


@dataclass(frozen=True)
class Dialect:
    """How a table in text is written.

    Attributes:
        delimiter: what parts the cells.
        quoted: whether a cell may be in quotes, and a quote in it is doubled.
        skipped: the lines before the first row.
        told: all that in a few words.
    """

    delimiter: str
    quoted: bool
    skipped: int
    told: str


def find_dialect(path: Path, encoding: Encoding, named: ColumnNames) -> Dialect:
    """Find out how a table is written.

    Cells that are parted by commas or semicolons may always be quoted. Those that are parted by tabs or pipes are quoted when
    the file is just what a program writes that quotes: see `_is_quoted`.

    Raises:
        DataError: when no delimiter parts its rows into columns, and there must be transcripts.
    """
    with open_text(path, encoding) as file:
        start = file.read(SAMPLE)
    first = next(StringIO(start, newline=""), "")
    stated = SEP.fullmatch(first)
    lines = list(islice(StringIO(start, newline=""), 1 if stated else 0, SAMPLED_ROWS))
    if len(start) == SAMPLE and len(lines) > 1:
        lines.pop()  # it may be cut
    best = stated.group(1) if stated else max(DELIMITERS, key=lambda delimiter: _fits(lines, delimiter, named))
    if not stated and not any(best in line for line in lines):
        if not named.need_text:
            return Dialect(",", quoted=True, skipped=0, told="one column")
        raise DataError(f"{path}:1: one column; part the cells by commas, semicolons, tabs or pipes")
    skipped = 1 if stated else 0
    if best not in "\t|":
        return Dialect(best, quoted=True, skipped=skipped, told=f"{DELIMITERS[best]}s")
    with open_text(path, encoding) as file:
        quoted = _is_quoted(islice(file, skipped, None), best)
    quotes = ", quoted" if quoted else ", quotes are part of the text" if '"' in start else ""
    return Dialect(best, quoted, skipped, f"{DELIMITERS[best]}s{quotes}")


@contextmanager
def open_rows(path: Path, encoding: Encoding, dialect: Dialect) -> "Iterator[_csv.Reader]":
    """Open a table to read its rows as lists of cells, with the lines of the dialect passed over."""
    with open_text(path, encoding) as file:
        for _ in range(dialect.skipped):
            next(file)
        yield _reader(file, dialect.delimiter, dialect.quoted)


def first_rows(path: Path, encoding: Encoding, dialect: Dialect) -> list[list[str]]:
    """The first rows that aren't blank, as far as they can be read."""
    with open_rows(path, encoding, dialect) as rows:
        return list(islice(_readable(rows), SAMPLED_ROWS))


def _reader(file: "TextIO | Iterator[str] | Sequence[str]", delimiter: str, quoted: bool) -> "_csv.Reader":
    if not quoted:
        return csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    # By hand, many write a space after the comma, and a quote after the space.
    return csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=delimiter in ",;")


def _readable(rows: "_csv.Reader") -> Iterator[list[str]]:
    try:
        yield from (row for row in rows if any(row))
    except csv.Error:  # whoever reads on says where
        return


def _fits(lines: Sequence[str], delimiter: str, named: ColumnNames) -> tuple[int, float, float]:
    """How well a delimiter explains the first lines: by names of columns, by names of files, by rows of equally many cells."""
    rows = list(_readable(_reader(lines, delimiter, quoted=delimiter in ",;")))
    if not rows:
        return 0, 0.0, 0.0
    names = sum(is_usual(cell) or cell.strip() in (named.audio, named.text) for cell in rows[0])
    files = sum(any(is_media(cell.strip()) for cell in row) for row in rows)
    width, alike = Counter(map(len, rows)).most_common(1)[0]
    return names, files / len(rows), alike / len(rows) if width > 1 else 0.0


def _is_quoted(lines: Iterator[str], delimiter: str) -> bool:
    """Whether quotes are signs of the format: all cells of the first row are in quotes, or the file is just what one gets who
    reads it as quoted and writes it again. A program puts a cell in quotes that holds the delimiter, a line break or a quote,
    Excel also one that holds a comma; so `"Good morning."`, which nothing forces into quotes, is a transcript that has them.
    """
    read: list[str] = []
    forcing = {f'"\r\n{delimiter}', f'"\r\n{delimiter},'}
    seen = False
    try:
        for number, cells in enumerate(csv.reader(_noting(lines, read), delimiter=delimiter, strict=True)):
            raw = "".join(read).rstrip("\r\n")
            read.clear()
            seen = seen or '"' in raw
            if number == 0 and seen and raw == _written(cells, delimiter, None):
                return True
            if '"' in raw or "," in raw:
                forcing = {signs for signs in forcing if raw == _written(cells, delimiter, signs)}
            if not forcing:
                return False
    except csv.Error:
        return False
    return seen


def _noting(lines: Iterator[str], read: list[str]) -> Iterator[str]:
    for line in lines:
        read.append(line)
        yield line


def _written(cells: Sequence[str], delimiter: str, signs: str | None) -> str:
    """A row whose cells are in quotes when they hold one of `signs`; None: all of them."""
    quoted = ('"' + cell.replace('"', '""') + '"' for cell in cells)
    return delimiter.join(
        inside if signs is None or any(sign in cell for sign in signs) else cell
        for cell, inside in zip(cells, quoted, strict=True)
    )
