"""Hugging Face's audiofolder: metadata.csv, .jsonl or .parquet in a folder, or one in a subfolder for each split."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from asr.base.errors import DataError
from asr.tables.contents import Format, Table
from asr.tables.row import BadRow, Row

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAME = "file_name"
"""The column in which the audiofolder has paths, which start where the metadata is."""

SPLITS = ("train", "validation", "test")


def find_metadata(folder: Path) -> dict[str, Path]:
    """The metadata by the name of its split; of the folder itself: by nothing."""
    folders = {"": folder, **{split: folder / split for split in SPLITS}}
    found = {split: path for split, inner in folders.items() for name in reversed(METADATA) if (path := inner / name).is_file()}
    return {"": found[""]} if "" in found else found


def read_audiofolder(folder: Path, read: Callable[[Path], Table]) -> Table:
    """Read a folder; the rows of a split's subfolder have its name in the column split, and their paths begin with it.

    Args:
        folder: the outer folder.
        read: reads one file of metadata.

    Raises:
        DataError: when there is no metadata, or it can't be read.
    """
    tables = {split: read(path) for split, path in find_metadata(folder).items()}
    if not tables:
        places = ", ".join(("the folder itself", *SPLITS))
        raise DataError(f"{folder}: no {' or '.join(METADATA)} in {places}")
    first = next(iter(tables.values()))
    if any(table.root is not None for table in tables.values()):
        raise DataError(f"{folder}: its metadata holds audio; name the file itself")
    rows = [_inside(row, split) for split, table in tables.items() for row in table.rows]
    told = dict.fromkeys(line for table in tables.values() for line in table.told)
    format: Format = "ljspeech" if first.format == "ljspeech" else "audiofolder"
    return Table(rows, format, tuple(told), folder, first.audio_column)


def _inside(row: Row | BadRow, split: str) -> Row | BadRow:
    if not split:
        return row
    audio = f"{split}/{row.audio}"
    return replace(row, audio=audio, extra={**row.extra, "split": split}) if isinstance(row, Row) else replace(row, audio=audio)
