"""Tables of clips for the tests."""

from pathlib import Path

from asr.tables.row import BadRow, Row
from asr.tables.table import ColumnNames, Format, Table, read_table


def read(path: Path, format: Format = "auto", named: ColumnNames | None = None) -> Table:
    """Read a table; audio that is inside goes into a folder beside it."""
    return read_table(path, named or ColumnNames(), format, path.parent / "unpacked")


def read_content(folder: Path, content: str | bytes, name: str = "clips.csv", format: Format = "auto") -> Table:
    """Write a file, and read it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, format)


def good(table: Table) -> list[Row]:
    """Its rows, all of which must have been read."""
    assert [row for row in table.rows if isinstance(row, BadRow)] == []
    return [row for row in table.rows if isinstance(row, Row)]


def bad(table: Table) -> list[BadRow]:
    """The rows that could not be read."""
    return [row for row in table.rows if isinstance(row, BadRow)]


def texts(table: Table) -> list[str]:
    """The transcripts of its rows, all of which must have been read."""
    return [row.text for row in good(table)]
