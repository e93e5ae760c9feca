"""Subtitles: recordings with a file of the same name beside each, in SubRip's format or WebVTT; a row for each cue."""

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pysubs2

from asr.base.endings import is_media
from asr.base.errors import DataError
from asr.tables.cells import MOST_CHARACTERS, to_row
from asr.tables.columns import SPEAKERLESS, Columns
from asr.tables.contents import Table
from asr.tables.encoding import find_encoding, open_text
from asr.tables.row import BadRow, Row, bad_row

ENDINGS = (".srt", ".vtt")

COLUMNS = Columns(audio=0, text=1, start=2, end=3)
"""Of the cells that a cue is put together from."""

TIMES = re.compile(r"\s*[\d:.,]+\s*-+>\s*[\d:.,]+")
"""The line that a cue begins with; so loose that a broken one is found, and named."""

WORD_TIME = re.compile(r"<[\d:.]+>")
"""When a word within a cue is said."""

REMEDY = "make subtitles with `python -m commands.transcribe FOLDER --format srt`, and correct them"


def find_subtitles(folder: Path) -> list[Path]:
    """The subtitles in a folder, at any depth, sorted."""
    return [path for path in _files(folder) if path.suffix.lower() in ENDINGS]


def read_subtitles(folder: Path) -> Table:
    """Read a folder, whose recordings are found at any depth and sorted by their paths; `line` is a line of the subtitles.

    Raises:
        DataError: when there is neither a recording nor subtitles.
    """
    recordings = [path for path in _files(folder) if is_media(path.name)]
    subtitles: dict[Path, list[Path]] = {}
    for path in find_subtitles(folder):
        subtitles.setdefault(path.with_suffix(""), []).append(path)
    owners: dict[Path, Path] = {}
    told: list[str] = []
    rows: list[Row | BadRow] = []
    for recording in recordings:
        name, stem = recording.relative_to(folder).as_posix(), recording.with_suffix("")
        owner = owners.setdefault(stem, recording)
        if stem not in subtitles:
            rows.append(bad_row(1, name, "no subtitles", f"no {' or '.join(ENDINGS)} of its name is beside it", REMEDY))
        elif owner != recording:
            rows.append(bad_row(1, name, "no subtitles", f"{owner.name} has those of its name", "rename one of the two"))
        else:
            first, *others = subtitles[stem]
            told += [f"{path} is not used, as {first.name} is beside it" for path in others]
            rows += _read(first, name, told)
    for path in (path for stem, paths in subtitles.items() if stem not in owners for path in paths):
        name, remedy = path.relative_to(folder).as_posix(), "name the subtitles as their recording, but for the ending"
        rows.append(bad_row(1, name, "no recording", "none of its name is beside it", remedy))
    if not rows:
        raise DataError(f"{folder}: no recording and no subtitles; name the folder that has both")
    told.insert(0, f"{folder}: {len(recordings)} recordings and their subtitles, a row for each cue")
    return Table(rows, "subtitles", (*told, f"subtitles name no speakers: {SPEAKERLESS}"), folder)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file():
            yield path


def _read(path: Path, audio: str, told: list[str]) -> list[Row | BadRow]:
    try:
        encoding = find_encoding(path)
    except DataError as error:
        return [bad_row(1, audio, "unreadable subtitles", str(error), "save them as UTF-8")]
    if encoding.guessed:
        told.append(f"{path}: {encoding.told}")
    with open_text(path, encoding) as file:
        rows = [_row(line, times, words, path, audio) for line, times, words in _cues(file, path.suffix.lower() == ".vtt")]
    return _apart(rows) or [bad_row(1, audio, "no cue", f"{path.name} has none", "take the recording out if nobody speaks")]


def _cues(lines: Iterable[str], is_vtt: bool) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the line number, the line of times and the lines of words of each cue.

    pysubs2 gives no line numbers, and takes WebVTT's comments and a cue's name for the words of the cue before. A cue of
    WebVTT ends at a blank line; one of SubRip at the next one's number, as there are blank lines between its words.
    """
    number, times, words = 0, "", list[str]()
    is_over = False
    for line_number, line in enumerate(lines, start=1):
        if TIMES.match(line):
            if times:
                yield number, times, words if is_vtt or not words or not words[-1].strip().isdecimal() else words[:-1]
            number, times, words, is_over = line_number, line, [], False
        else:
            is_over = is_over or (is_vtt and not line.strip())
            if not is_over:
                words.append(line)
    if times:
        yield number, times, words


def _row(line: int, times: str, words: list[str], path: Path, audio: str) -> Row | BadRow:
    # The number of a next cue, which pysubs2 takes off, so that it takes off no number that is said.
    spoken = WORD_TIME.sub("", "".join(filter(str.strip, words)))
    if len(spoken) > MOST_CHARACTERS:  # over which pysubs2 could take hours
        return bad_row(line, audio, "transcript too long", f"{len(spoken):,} characters in a cue", "divide the cue")
    try:
        events = pysubs2.SSAFile.from_string(f"{times.strip()}\n{spoken}\n\n0\n", format_=path.suffix.lower()[1:])
    except ValueError:  # of hours that are a colon alone
        events = pysubs2.SSAFile()
    if len(events) != 1:
        remedy = "write its times as 00:00:01,000 --> 00:00:02,500"
        return bad_row(line, audio, "broken cue", f"{path.name}: {times.strip()}", remedy)
    text = html.unescape(events[0].plaintext) if path.suffix.lower() == ".vtt" else events[0].plaintext
    return to_row(line, [audio, " ".join(text.split()), str(events[0].start / 1000), str(events[0].end / 1000)], COLUMNS)


def _apart(rows: list[Row | BadRow]) -> list[Row | BadRow]:
    """The cues, of which those that overlap are bad rows: their sound has the words of both."""
    bad: dict[int, BadRow] = {}
    latest: tuple[float, float, Row] | None = None
    for cue in sorted((_span(row) for row in rows if isinstance(row, Row)), key=lambda cue: cue[:2]):
        if latest is not None and cue[0] < latest[1]:
            for (start, end, row), other in ((latest, cue), (cue, latest)):
                detail = f"{start:g} to {end:g} s, and line {other[2].line} has {other[0]:g} to {other[1]:g} s"
                remedy = "correct the times, or make one cue of the two"
                bad[row.line] = bad_row(row.line, row.audio, "overlapping cues", detail, remedy)
        if latest is None or cue[1] > latest[1]:
            latest = cue
    return [bad.get(row.line, row) for row in rows]


def _span(row: Row) -> tuple[float, float, Row]:
    return row.start or 0.0, row.end or 0.0, row
