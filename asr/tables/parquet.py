"""Parquet: a table of paths, or one with the audio inside, as Hugging Face's datasets save it; a file or a folder of shards."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from asr.base.errors import DataError
from asr.base.hashes import content_hash
from asr.base.names import is_media, split_named
from asr.tables.columns import ColumnNames, Columns, find_columns, is_usual, listed
from asr.tables.contents import Table
from asr.tables.objects import object_row
from asr.tables.row import BadRow, Row, bad_row

ROWS_AT_ONCE = 8
BUFFER = 1 << 20
WHOLE = 128 << 20
"""A column of a group of rows of at most so many bytes is read at once, which trusts no size that a damaged page claims."""

BEGINNINGS = (
    (0, b"RIFF", ".wav"), (0, b"fLaC", ".flac"), (0, b"OggS", ".ogg"), (0, b"ID3", ".mp3"), (4, b"ftyp", ".m4a"),
    (0, b"\x1a\x45\xdf\xa3", ".webm"), (0, b"\xff\xfb", ".mp3"), (0, b"\xff\xf3", ".mp3"), (0, b"\xff\xf2", ".mp3"),
)  # fmt: skip
"""Where an audio file has which bytes, and how its name ends then."""

SHARD = re.compile(r"(.+)-\d+-of-\d+\.parquet")
"""How push_to_hub names a shard, after its split."""


@dataclass(frozen=True)
class Shape:
    """What the columns of a file of Parquet are.

    Attributes:
        header: the names of those that are read.
        columns: what is in which.
        told: what is worth telling about them.
        has_audio: whether the audio is inside.
    """

    header: tuple[str, ...]
    columns: Columns
    told: tuple[str, ...]
    has_audio: bool

    @property
    def audio(self) -> str:
        """The name of the column of audio or of paths."""
        return self.header[self.columns.audio]

    @property
    def has_split(self) -> bool:
        """Whether a column says the split."""
        return any(name.strip().casefold() == "split" for name in self.header)


def read_parquet(paths: Sequence[Path], source: Path, named: ColumnNames, unpack_to: Path) -> Table:
    """Read one file, or the shards of one table in their order, a few rows at a time.

    Args:
        paths: the files.
        source: what the user named.
        named: the names of the columns.
        unpack_to: where audio that is inside is written, a file for each content.

    Returns:
        the table, whose `line` is the row's number in all shards.

    Raises:
        DataError: when a file can't be read, has other columns than the first, or it can't be told what is in which column.
    """
    shape: Shape | None = None
    splits = _splits(paths)
    rows: list[Row | BadRow] = []
    for number, path in enumerate(paths):
        try:
            # By itself a whole group of rows is in memory, which may be the whole file.
            with parquet.ParquetFile(path, pre_buffer=False, buffer_size=_buffer(path)) as file:
                found = _shape(file.schema_arrow, path, named)
                shape = shape or found
                if found.header != shape.header:
                    raise DataError(f"{path}: its columns are not those of {paths[0]}; name one of the two tables")
                read = _rows(file, shape, unpack_to, len(rows))
                rows.extend(_in_split(read, splits[number]) if splits and not shape.has_split else read)
        except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # the system's, and not pyarrow's
                raise
            raise DataError(f"{path}: not Parquet, or damaged ({str(error).splitlines()[0]}); copy it again") from error
    assert shape is not None
    kind = "Parquet with the audio inside" if shape.has_audio else "Parquet"
    shards = f", {len(paths)} shards" if len(paths) > 1 else ""
    told = [f"{source}: {kind}{shards}", *shape.told]
    if splits and not shape.has_split:
        told.append(f"the shards' names say the splits: the column split has {', '.join(dict.fromkeys(splits))}")
    return Table(rows, "parquet", tuple(told), unpack_to if shape.has_audio else None, shape.audio)


def _buffer(path: Path) -> int:
    """The bytes of a column that are read ahead; 0 for the whole of it. A buffer grows to what the header of a page says."""
    metadata = parquet.read_metadata(path)
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    largest = max(
        (group.column(number).total_compressed_size for group in groups for number in range(group.num_columns)), default=0
    )
    return BUFFER if largest > WHOLE else 0


def _shape(schema: Any, path: Path, named: ColumnNames) -> Shape:
    structs = [field.name for field in schema if _has_bytes(field.type)]
    sounds = [field.name for field in schema if field.name in structs or _is_bytes(field.type)]
    if named.audio is None or not (named.are_required or named.audio in schema.names):
        named = replace(named, audio=_sound(schema.names, structs, sounds))
    columns, _ = find_columns(schema.names, str(path), named)
    audio = schema.names[columns.audio]
    left_out = [name for name in sounds if name != audio]
    header = [name for name in schema.names if name not in left_out]
    columns, told = find_columns(header, str(path), named)
    if left_out:
        told.append(f"{listed(left_out)}: bytes, which are left out")
    return Shape(tuple(header), columns, tuple(told), audio in sounds)


def _sound(names: Sequence[str], structs: Sequence[str], sounds: Sequence[str]) -> str | None:
    """The column that holds audio, of those of bytes, which may hold anything; None: the names of columns decide."""
    usual = [name for name in names if is_usual(name, "audio")]
    for likely in ([name for name in sounds if name in usual], structs, [] if usual else sounds):
        if len(likely) == 1:
            return likely[0]
    return None


def _has_bytes(kind: Any) -> bool:
    """Whether a column is what datasets make of audio: bytes and the path where they come from."""
    fields = range(kind.num_fields) if pyarrow.types.is_struct(kind) else ()
    return any(kind.field(number).name == "bytes" for number in fields)


def _is_bytes(kind: Any) -> bool:
    return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))


def _splits(paths: Sequence[Path]) -> list[str]:
    """The split of each shard, as push_to_hub puts it into its name; none where not all say one, or all say the same."""
    found = [match.group(1) for path in paths if (match := SHARD.fullmatch(path.name))]
    splits = {split_named(name) for name in found}
    return found if len(found) == len(paths) and None not in splits and len(splits) > 1 else []


def _in_split(rows: Iterable[Row | BadRow], split: str) -> Iterator[Row | BadRow]:
    return (replace(row, extra={**row.extra, "split": split}) if isinstance(row, Row) else row for row in rows)


def _rows(file: Any, shape: Shape, unpack_to: Path, before: int) -> Iterator[Row | BadRow]:
    batches = file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(shape.header), use_threads=False)
    values = (values for batch in batches for values in batch.to_pylist())
    for number, row in enumerate(values, start=before + 1):
        if shape.has_audio:
            held = row[shape.audio]
            content, written = (held.get("bytes"), held.get("path")) if isinstance(held, dict) else (held, None)
            if content is None:
                detail = "the row has the path of its audio, and not the bytes" if written else "the row has no bytes"
                yield bad_row(number, str(written or ""), "no audio inside", detail, "save the table with its audio inside")
                continue
            row[shape.audio] = _keep(content, str(written or ""), unpack_to)
        yield object_row(number, row, shape.header, shape.columns)


def _keep(content: bytes, written: str, folder: Path) -> str:
    """Write an audio file under a name that follows from its bytes alone: a path in a table may lead anywhere."""
    name = content_hash(content) + _ending(content, written)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{name}.unfinished"
    unfinished.write_bytes(content)
    unfinished.replace(folder / name)
    return name


def _ending(content: bytes, written: str) -> str:
    for offset, beginning, ending in BEGINNINGS:
        if content.startswith(beginning, offset):
            return ending
    return Path(written).suffix.lower() if is_media(written) else ".audio"
