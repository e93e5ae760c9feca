"""JSON: an object a line, as in NeMo's manifests and Hugging Face's metadata.jsonl, or an array of objects."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asr.base.errors import DataError
from asr.tables.columns import MOST_COLUMNS, ColumnNames, find_columns
from asr.tables.contents import Table
from asr.tables.encoding import Encoding, open_text
from asr.tables.objects import TOO_DEEP, object_row
from asr.tables.row import BadRow, bad_row, shown

Object = dict[str, Any]

SPACE = re.compile(r"[ \t\r\n]*")
JSON = re.compile(r'\s*(\[\s*)?\{\s*["}]')
"""How a file of objects begins, or an array of them."""


def is_json(path: Path, encoding: Encoding) -> bool:
    """Whether a file begins as JSON of either kind does."""
    with open_text(path, encoding) as file:
        return JSON.match(file.read(1_000)) is not None


def read_jsonl(path: Path, encoding: Encoding, named: ColumnNames) -> Table:
    """Read a file of JSON.

    Args:
        path: its file.
        encoding: how that is encoded.
        named: the names of the columns.

    Returns:
        the table, whose `line` in an array is the number of the object.

    Raises:
        DataError: when an array is broken, or it can't be told what is in which column.
    """
    with open_text(path, encoding) as file:
        is_array = SPACE.sub("", file.read(1_000), count=1).startswith("[")
    items = list(_elements(path, encoding) if is_array else _lines(path, encoding))
    header = _header(items, path)
    columns, told = find_columns(header, str(path), named)
    kind = "a JSON array" if is_array else "JSON lines"
    rows = [item if isinstance(item, BadRow) else object_row(*item, header, columns) for item in _used_up(items)]
    return Table(rows, "jsonl", (f"{path}: {kind}, {encoding.told}", *told), audio_column=header[columns.audio])


def _header(items: list[tuple[int, Object] | BadRow], path: Path) -> list[str]:
    """The names in all objects, in the order in which they come."""
    names: dict[str, None] = {}
    for item in items:
        if not isinstance(item, BadRow):
            names |= dict.fromkeys(item[1])
        if len(names) > MOST_COLUMNS:
            break  # which is an error that is told elsewhere
    if not names:
        why = next((f"; line {item.line}: {item.detail}" for item in items if isinstance(item, BadRow)), "")
        raise DataError(f"{path}: no JSON object that can be read{why}")
    try:
        "".join(names).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: half a character (\\ud800 to \\udfff) in a column's name; correct the name") from error
    return list(names)


def _used_up(items: list[tuple[int, Object] | BadRow]) -> Iterator[tuple[int, Object] | BadRow]:
    """The items, each of which can be forgotten once it is used: they take more room than the rows."""
    items.reverse()
    while items:
        yield items.pop()


def _lines(path: Path, encoding: Encoding) -> Iterator[tuple[int, Object] | BadRow]:
    with open_text(path, encoding) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield _object(number, json.loads(line))
            except (ValueError, RecursionError) as error:
                detail = TOO_DEEP if isinstance(error, RecursionError) else str(error)
                yield bad_row(number, line, "broken JSON", detail, "write one whole JSON object in a line")


def _elements(path: Path, encoding: Encoding) -> Iterator[tuple[int, Object] | BadRow]:
    with open_text(path, encoding) as file:
        text = file.read()
    decoder = json.JSONDecoder()
    number, position = 0, _past_space(text, _past_space(text, 0) + 1)
    try:
        while text[position : position + 1] != "]":
            value, position = decoder.raw_decode(text, position)
            number += 1
            yield _object(number, value)
            position = _past_space(text, position)
            if text[position : position + 1] == ",":
                position = _past_space(text, position + 1)
            elif text[position : position + 1] != "]":
                raise json.JSONDecodeError("Expecting ',' or ']'", text, position)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: broken JSON after {number} objects: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: object {number + 1}: {shown(str(error))}; is it nested too deep, or a number too long?"
        ) from error


def _past_space(text: str, position: int) -> int:
    found = SPACE.match(text, position)
    assert found is not None  # it may match nothing
    return found.end()


def _object(number: int, value: Any) -> tuple[int, Object] | BadRow:
    if isinstance(value, dict):
        return number, value
    return bad_row(number, "", "no JSON object", f"a {type(value).__name__}", 'write an object, as in {"audio": "a.wav"}')
