"""Common Voice: which of the lists beside a table, train.tsv, dev.tsv and test.tsv, has each of its clips."""

from dataclasses import replace
from pathlib import Path

from asr.tables.columns import ColumnNames
from asr.tables.contents import Table
from asr.tables.delimited import read_delimited
from asr.tables.encoding import Encoding, find_encoding, open_text
from asr.tables.row import Row

LISTS = ("train", "dev", "test")
COLUMNS = {"client_id", "path", "sentence"}
NAMES = ColumnNames(audio="path", text="sentence")


def is_common_voice(path: Path, encoding: Encoding) -> bool:
    """Whether a table has Common Voice's columns and one of its lists beside it."""
    with open_text(path, encoding) as file:
        header = file.readline(10_000).strip().split("\t")
    return set(header) >= COLUMNS and "split" not in header and any(_list(path, name).is_file() for name in LISTS)


def with_splits(table: Table, path: Path) -> Table:
    """The table of Common Voice at `path`, with a column `split`: the list that has a row's path, or nothing.

    Of two lists that have it the later counts, so that no clip of the test is learned.

    Raises:
        DataError: when a list can't be read.
    """
    lists: dict[str, str] = {}
    for name in LISTS:
        if _list(path, name).is_file():
            listed = read_delimited(_list(path, name), find_encoding(_list(path, name)), NAMES, "csv")
            lists |= dict.fromkeys((row.audio for row in listed.rows), name)
    rows = [
        replace(row, extra={**row.extra, "split": lists.get(row.audio, "")}) if isinstance(row, Row) else row
        for row in table.rows
    ]
    placed = sum(isinstance(row, Row) and row.extra["split"] != "" for row in rows)
    told = f"Common Voice's lists beside it: {placed:,} of {len(rows):,} rows are in one, and have its name in the column split"
    return replace(table, rows=rows, told=(*table.told, told))


def _list(path: Path, name: str) -> Path:
    return path.with_name(f"{name}.tsv")
