"""Hugging Face's audiofolder: metadata.csv, .jsonl or .parquet in a folder, or one in a subfolder for each split."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PureWindowsPath

from asr.base.errors import DataError
from asr.base.names import SPLIT_NAMES, split_named
from asr.tables.columns import listed
from asr.tables.contents import Format, Table
from asr.tables.row import BadRow, Row

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAME = "file_name"
"""The column in which the audiofolder has paths, which start where the metadata is."""


def find_metadata(folder: Path) -> dict[str, Path]:
    """The metadata by the name of its subfolder, which is one of a split; of the folder itself: by nothing.

    Raises:
        DataError: when there are two and one would be read, as the clips of the other would be missing.
    """
    subfolders = _subfolders(folder)
    places = [folder, *(inner for split in SPLIT_NAMES for inner in subfolders if split_named(inner.name) == split)]
    found = {inner: _metadata(inner) for inner in places}
    for inner, paths in found.items():
        rivals = paths if inner == folder else [*found[folder], *paths]
        if len(rivals) > 1:
            raise DataError(f"{rivals[0]} and {rivals[1]} are both metadata; take one away, or name the one that is meant")
    return {inner.name if inner != folder else "": path for inner, paths in found.items() for path in paths}


def read_audiofolder(folder: Path, read: Callable[[Path], Table]) -> Table:
    """Read a folder; the rows of a split's subfolder have its name in the column split, and their paths begin with it.

    Args:
        folder: the outer folder.
        read: reads one file of metadata.

    Raises:
        DataError: when there is no metadata, or more than is read, or it can't be read.
    """
    tables = {split: read(path) for split, path in find_metadata(folder).items()}
    if not tables:
        places = ", ".join(("the folder itself", *SPLIT_NAMES))
        raise DataError(f"{folder}: no {' or '.join(METADATA)} in {places}")
    first = next(iter(tables.values()))
    if any(table.root is not None for table in tables.values()):
        raise DataError(f"{folder}: its metadata holds audio; name the file itself")
    rows = [_inside(row, split) for split, table in tables.items() for row in table.rows]
    told = list(dict.fromkeys(line for table in tables.values() for line in table.told))
    others = [path for inner in _subfolders(folder) if split_named(inner.name) is None for path in _metadata(inner)]
    if others:
        names = listed([path.relative_to(folder).as_posix() for path in others])
        told.append(f"{names}: metadata in a folder without a split's name, which is not read")
    format: Format = "ljspeech" if first.format == "ljspeech" else "audiofolder"
    return Table(rows, format, tuple(told), folder, first.audio_column)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _metadata(folder: Path) -> list[Path]:
    return [path for name in METADATA if (path := folder / name).is_file()]


def _inside(row: Row | BadRow, split: str) -> Row | BadRow:
    if not split:
        return row
    # Nothing before a blank, an absolute path or an address: what is wrong with it is told of it as it is written.
    as_written = not row.audio or "://" in row.audio or PureWindowsPath(row.audio).anchor
    audio = row.audio if as_written else f"{split}/{row.audio}"
    return replace(row, audio=audio, extra={**row.extra, "split": split}) if isinstance(row, Row) else replace(row, audio=audio)
