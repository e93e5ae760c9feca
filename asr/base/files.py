"""Files that stages write and read: JSON, JSON Lines, CSV.

What is written takes its place when it is whole, so a full disk and a kill leave no half of it. What is damaged or not there is
told in one line that says what to do. In CSV, a text that a spreadsheet would compute gets an apostrophe, and loses it where it
is read.
"""

import csv
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO, TypeVar
from uuid import uuid4

from asr.base.errors import DataError

Entry = TypeVar("Entry")

UNFINISHED = ".unfinished-"
"""How the name of a file begins that isn't whole yet."""

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How formulas begin, and texts that have an apostrophe of their own before that, which need another to keep it."""

GUARDED = re.compile(r"'+[=+\-@\t\r]")

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def require_room(folder: Path, needed: int, what: str, remedy: str = "make room there") -> None:
    """Stop before work whose result would find no room.

    Args:
        folder: where it goes; it need not be there yet.
        needed: bytes.
        what: it is, in words, of several things.
        remedy: what to do.

    Raises:
        DataError: when the disk has less room than that.
    """
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise DataError(f"{folder}: {what} take {needed / 1e9:,.2f} GB, and {free / 1e9:,.2f} GB are free: {remedy}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write a file under, which takes the place of `path` once the block has ended well; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{UNFINISHED}{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is whole, whoever else writes the same."""
    unfinished = path.with_name(f"{UNFINISHED}{uuid4().hex}")
    try:
        try:
            unfinished.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:  # a full disk
        unfinished.unlink(missing_ok=True)
        raise


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """Write dataclass instances, one JSON object a line."""
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="\n") as file:
        # `asdict` copies what is in a row, for longer than all else takes.
        file.writelines(json.dumps(vars(row), ensure_ascii=False) + "\n" for row in rows)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write one readable JSON object."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under the names of their columns; None is a blank cell."""
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        _write_table(file, columns, rows)


def _write_table(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under the names of their columns into a file that changes no line breaks; lines end in a line feed."""
    # Python 3.11 quotes a line break in a cell only if the lines end in it, so that a carriage return would end a row.
    lines = SimpleNamespace(write=lambda line: file.write(line.removesuffix("\r\n") + "\n"))
    writer = csv.DictWriter(lines, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: guarded(cell) for name, cell in row.items()} for row in rows)


def guarded(cell: Any) -> Any:
    """A cell as it is to be written; a number and what is no text stay as they are."""
    is_formula = isinstance(cell, str) and FORMULA.match(cell) and not NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def _bare(cell: Any) -> Any:
    """A cell as it was before it was `guarded`, whether a spreadsheet has kept the apostrophe or not."""
    return cell[1:] if isinstance(cell, str) and GUARDED.match(cell) else cell


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Parse a file that a stage wrote.

    Raises:
        DataError: in place of what the block raises when the file can't be parsed, or isn't there.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; run `dvc repro`") from error
    except (ValueError, TypeError, LookupError, csv.Error) as error:
        raise DataError(f"{path}: damaged or cut short; run `make repair`") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote."""
    with reading(path):
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("no JSON object")
        return values


def read_rows(path: Path, kind: type[Entry]) -> list[Entry]:
    """Read what `write_rows` wrote."""
    return list(iterate_rows(path, kind))


def iterate_rows(path: Path, kind: type[Entry]) -> Iterator[Entry]:
    """Read what `write_rows` wrote, one by one."""
    with reading(path), path.open(encoding="utf-8") as file:
        for line in file:
            yield kind(**json.loads(line))


def count_rows(path: Path) -> int:
    """Count the rows without reading them."""
    with reading(path), path.open("rb") as file:
        return sum(1 for _ in file)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read the cells of each row as text, by column; a spreadsheet may have saved them, with semicolons between them.

    Raises:
        DataError: when the file isn't UTF-8.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            header = file.readline()
            file.seek(0)
            rows = csv.DictReader(file, delimiter=max(",;", key=header.count))
            return [{name: _bare(cell) for name, cell in row.items()} for row in rows]
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8; save it as CSV in UTF-8") from error
