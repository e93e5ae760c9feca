"""Spreadsheets: a text that they would compute gets an apostrophe where it is written, and loses it where it is read."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TextIO

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How formulas begin, and texts that have an apostrophe of their own before that, which need another to keep it."""

GUARDED = re.compile(r"'+[=+\-@\t\r]")

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def guarded(cell: Any) -> Any:
    """A cell as it is to be written; a number and what is no text stay as they are."""
    is_formula = isinstance(cell, str) and FORMULA.match(cell) and not NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def write_table(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under the names of their columns into a file that changes no line breaks; lines end in a line feed."""
    # Python 3.11 quotes a line break in a cell only if the lines end in it, so that a carriage return would end a row.
    lines = SimpleNamespace(write=lambda line: file.write(line.removesuffix("\r\n") + "\n"))
    writer = csv.DictWriter(lines, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: guarded(cell) for name, cell in row.items()} for row in rows)


def bare(cell: Any) -> Any:
    """A cell as it was before it was `guarded`, whether a spreadsheet has kept the apostrophe or not."""
    return cell[1:] if isinstance(cell, str) and GUARDED.match(cell) else cell
