"""Tables of clips: what people have, in any of the usual formats, read into rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asr.base.errors import DataError
from asr.base.names import files_in
from asr.tables.audiofolder import FILE_NAME, METADATA, find_metadata, read_audiofolder
from asr.tables.columns import ColumnNames
from asr.tables.commonvoice import is_common_voice, with_splits
from asr.tables.contents import Format, Table
from asr.tables.delimited import read_delimited
from asr.tables.encoding import find_encoding, require_file
from asr.tables.jsonl import is_json, read_jsonl
from asr.tables.kaldi import read_kaldi
from asr.tables.row import BadRow, Row
from asr.tables.subtitles import find_subtitles, read_subtitles

__all__ = ["ColumnNames", "Format", "Table", "read_table"]

PARQUET = b"PAR1"

NO_TEXT = {b"PK\x03\x04": "an Excel workbook, or packed", b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"\x1f\x8b": "packed"}
"""How files begin that are often taken for a table in text."""


def read_table(path: Path, named: ColumnNames, format: Format, unpack_to: Path) -> Table:
    """Read a table of clips.

    Args:
        path: a file, or a folder for the formats that are one.
        named: the columns, where their names are not the usual ones; for the formats that have names.
        format: what it is; `auto` finds it out from the content.
        unpack_to: the folder in which audio is written that is inside of Parquet.

    Raises:
        DataError: when there is no table, or it can't be read as a whole; with the place and the remedy.
    """
    try:
        read = _read_folder if path.is_dir() else _read_file
        table = read(path, named, format, unpack_to)
    except OSError as error:
        raise DataError(f"{error.filename or path}: {error.strerror or error}; check its name and its permissions") from error
    return replace(table, told=(*table.told, *_blank_speakers(table.rows)))


def _read_file(path: Path, named: ColumnNames, format: Format, unpack_to: Path) -> Table:
    if format in ("kaldi", "subtitles"):
        raise DataError(f"{path}: a file; format {format} is a folder")
    table = _read_content(path, named, format, unpack_to)
    is_metadata = path.name in METADATA and format in ("auto", "ljspeech")
    if table.root is not None or not (is_metadata or format == "audiofolder"):
        return table
    if format == "audiofolder" or table.audio_column == FILE_NAME:
        return replace(table, format="audiofolder", root=path.parent)
    told = f"the paths start in {path.parent}, as the table is called {path.name}"
    return replace(table, root=path.parent, told=(*table.told, told))


def _read_content(path: Path, named: ColumnNames, format: Format, unpack_to: Path) -> Table:
    require_file(path)
    with path.open("rb") as file:
        start = file.read(8)
    if format == "parquet" or start.startswith(PARQUET):
        return _read_parquet([path], path, named, unpack_to)
    for beginning, what in NO_TEXT.items():
        if start.startswith(beginning):
            raise DataError(f"{path}: {what}; save the table as CSV in UTF-8")
    encoding = find_encoding(path)
    if format == "jsonl" or (format not in ("csv", "ljspeech") and is_json(path, encoding)):
        return read_jsonl(path, encoding, named)
    table = read_delimited(path, encoding, named, format)
    return with_splits(table, path) if is_common_voice(path, encoding) else table


def _read_folder(path: Path, named: ColumnNames, format: Format, unpack_to: Path) -> Table:
    found = _format_of(path) if format == "auto" else format
    match found:
        case "kaldi":
            return read_kaldi(path, named.need_text)
        case "audiofolder":
            return read_audiofolder(path, lambda inner: _read_content(inner, named, "auto", unpack_to))
        case "ljspeech":
            return replace(_read_content(path / METADATA[0], named, "ljspeech", unpack_to), root=path)
        case "parquet":
            shards = _shards(path)
            if not shards:
                raise DataError(f"{path}: no .parquet in it")
            return _read_parquet(shards, path, named, unpack_to)
        case "subtitles":
            return read_subtitles(path)
        case _:
            raise DataError(f"{path}: a folder; format {found} is a file")


def _format_of(folder: Path) -> Format:
    if (folder / "wav.scp").exists():
        return "kaldi"
    if find_metadata(folder):
        return "audiofolder"
    if _shards(folder):
        return "parquet"
    if find_subtitles(folder):
        return "subtitles"
    names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".json", ".txt"))
    name = f"name the file in it, such as {names[0]}" if names else "name a table of clips"
    raise DataError(
        f"{folder}: a folder without metadata.csv, wav.scp, .parquet, .srt or .vtt; {name}; "
        "of recordings alone, `python -m commands.transcribe FOLDER --format srt` makes subtitles, to be corrected"
    )


def _shards(folder: Path) -> list[Path]:
    return [path for path in files_in(folder) if path.suffix == ".parquet"]


def _read_parquet(paths: Sequence[Path], source: Path, named: ColumnNames, unpack_to: Path) -> Table:
    from asr.tables.parquet import read_parquet  # here, as pyarrow takes a while and few need it

    for path in paths:
        require_file(path)
    return read_parquet(paths, source, named, unpack_to)


def _blank_speakers(rows: Sequence[Row | BadRow]) -> list[str]:
    speakers = [row.speaker for row in rows if isinstance(row, Row)]
    blank = speakers.count(None)
    return [f"{blank:,} of {len(speakers):,} rows have no speaker"] if 0 < blank < len(speakers) else []
