"""Files that stages wrote, read: what is damaged or cut short, or not there, is told in one line that says what to do."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from asr.base.errors import DataError

Entry = TypeVar("Entry")


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
