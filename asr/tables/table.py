"""The user's CSV: which columns it has, and its rows with their line numbers."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asr.base.errors import DataError

if TYPE_CHECKING:
    import _csv

AUDIO_NAMES = ("audios", "audio", "path", "file", "file_name")
TEXT_NAMES = ("transcription", "text", "sentence", "transcript")
SPEAKER_NAMES = ("speaker",)


@dataclass(frozen=True)
class Columns:
    """The names of the columns that matter; `speaker` may be absent."""

    audio: str
    text: str
    speaker: str | None


@dataclass(frozen=True)
class TableRow:
    """One row as it was typed; `line` is where it starts in the file, counted from 1."""

    line: int
    audio: str
    text: str
    speaker: str | None
    extra: dict[str, str]


@dataclass(frozen=True)
class BadRow:
    """A row that is not what the header says, and what to do about it."""

    line: int
    audio: str
    reason: str
    detail: str
    remedy: str


def find_columns(header: list[str], source: str, audio: str | None, text: str | None, speaker: str | None) -> Columns:
    """Pick the columns that were named, or else the first whose name is a usual one.

    Args:
        header: the column names.
        source: the CSV's path, for messages.
        audio: the audio column's name, or None to look for one of AUDIO_NAMES.
        text: the transcript column's name, or None to look for one of TEXT_NAMES.
        speaker: the speaker column's name, or None to look for one of SPEAKER_NAMES.

    Raises:
        DataError: when a column can't be found, with every such column.
    """
    usual = {"audio": AUDIO_NAMES, "text": TEXT_NAMES, "speaker": SPEAKER_NAMES}
    named = {"audio": audio, "text": text, "speaker": speaker}
    found: dict[str, str | None] = {}
    problems = []
    for role, name in named.items():
        candidates = (name,) if name is not None else usual[role]
        found[role] = next((candidate for candidate in candidates if candidate in header), None)
        if found[role] is None and (name is not None or role != "speaker"):
            looked_for = " / ".join(candidates)
            problems.append(f"no {role} column: looked for {looked_for} (set data.{role}_column)")
    if problems:
        hint = "; is it separated by semicolons or tabs? save it with commas" if len(header) == 1 else ""
        raise DataError(f"{source}:1: {'; '.join(problems)}; the columns are {', '.join(header) or 'none'}{hint}")
    assert found["audio"] is not None
    assert found["text"] is not None
    return Columns(found["audio"], found["text"], found["speaker"])


def read_table(
    path: Path, audio_column: str | None, text_column: str | None, speaker_column: str | None
) -> Iterator[TableRow | BadRow]:
    """Yield the CSV's rows in order. Blank lines are passed over; no value is taken for missing, not even "null".

    Raises:
        DataError: when the file is missing, empty, not UTF-8 or without the columns.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; set data.csv in params.yaml to your CSV")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            yield from _rows(lines, str(path), (audio_column, text_column, speaker_column))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except csv.Error as error:
        raise DataError(
            f"{path}:{lines.line_num}: not a CSV ({error}): a quote that opens a field must close it, and one inside is doubled"
        ) from error


def _rows(lines: "_csv.Reader", source: str, named: tuple[str | None, str | None, str | None]) -> Iterator[TableRow | BadRow]:
    header = next(lines, None)
    if header is None:
        raise DataError(f"{source}: empty; the first line must name the columns, as in `audios,transcription`")
    header = [name.strip() for name in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{source}:1: two columns are named {', '.join(twice)}; rename one")
    columns = find_columns(header, source, *named)
    wanted = {columns.audio, columns.text, columns.speaker}
    end = lines.line_num
    for fields in lines:
        start, end = end + 1, lines.line_num
        if not fields:
            continue
        if len(fields) != len(header):
            detail = f"{len(fields)} fields where the header has {len(header)}"
            yield BadRow(start, fields[0], "wrong number of fields", detail, "quote a transcript that holds a comma")
            continue
        if any(_holds_a_row(field, len(header)) for field in fields):
            detail = f"a quoted field goes on to line {end} and holds what look like rows"
            yield BadRow(start, fields[0], "quote left open", detail, "close the quote, or take the line breaks out")
            continue
        row = dict(zip(header, fields, strict=True))
        speaker = row[columns.speaker].strip() or None if columns.speaker else None
        extra = {name: value for name, value in row.items() if name not in wanted}
        yield TableRow(start, row[columns.audio].strip(), row[columns.text].strip(), speaker, extra)


def _holds_a_row(field: str, columns: int) -> bool:
    """Whether a later line of a field splits into as many columns as the table has: a stray quote has swallowed it."""
    return any(line.count(",") == columns - 1 for line in field.splitlines()[1:])
