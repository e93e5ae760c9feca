"""Objects: rows whose cells have names and values of many kinds, as in JSON and Parquet."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from asr.tables.cells import to_row
from asr.tables.columns import Columns
from asr.tables.row import BadRow, Row, bad_row

TOO_DEEP = "nested too deep"


def object_row(line: int, values: Mapping[str, Any], header: Sequence[str], columns: Columns) -> Row | BadRow:
    """Make a row of an object.

    Args:
        line: where it is.
        values: of the columns that it has; the others are blank.
        header: the names of all columns.
        columns: what is in which.
    """
    try:
        for position in columns.read:
            if isinstance(values.get(header[position]), dict | list):
                audio, detail = as_text(values.get(header[columns.audio])), f"the {header[position]} is a list or an object"
                return bad_row(line, audio, "nested value", detail, "write text or a number")
        return to_row(line, [as_text(values.get(name)) for name in header], columns)
    except RecursionError:
        return bad_row(line, "", TOO_DEEP, "lists in lists or objects in objects", "take the column out")


def as_text(value: Any) -> str:
    """What a cell of a table in text would hold: nothing for null and not-a-number, JSON for what is nested."""
    match value:
        case str():
            return value
        case None:
            return ""
        case float() if math.isnan(value):
            return ""
        case bool() | dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)
