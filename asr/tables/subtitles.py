"""Subtitles: recordings with a file of the same name beside each, in SubRip's format or WebVTT; a row for each cue."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pysubs2

from asr.base.errors import DataError
from asr.base.names import files_in, is_media
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

NUMBER = re.compile(r"\d{1,9}")

LITTLE = 0.1
"""Seconds by which a cue may run into the next: a program rounded, or left it to stand until then. It ends there, then."""

WORD_TIME = re.compile(r"<[\d:.]+>")
"""When a word within a cue is said."""

REMEDY = "make subtitles with `python -m commands.transcribe FOLDER --format srt`, and correct them"


def find_subtitles(folder: Path) -> list[Path]:
    """The subtitles in a folder, at any depth, sorted."""
    return [path for path in files_in(folder) if path.suffix.lower() in ENDINGS and path.is_file()]


def read_subtitles(folder: Path) -> Table:
    """Read a folder, whose recordings are found at any depth and sorted by their paths; `line` is a line of the subtitles.

    Raises:
        DataError: when there is neither a recording nor subtitles.
    """
    recordings = [path for path in files_in(folder) if is_media(path.name) and path.is_file()]
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
    start, times, words = 0, "", ["\n"]
    following, is_numbered = 1, True
    is_over = False
    for line_number, line in enumerate(lines, start=1):
        if TIMES.match(line):
            place = None if is_vtt else _number_in(words, following, is_numbered)
            if times:
                yield start, times, words[:place]
            is_numbered = place is not None or (is_numbered and times != "")
            following = 1 + (following if place is None else int(words[place]))
            start, times, words, is_over = line_number, line, [], False
        else:
            is_over = is_over or (is_vtt and not line.strip())
            if not is_over:
                words.append(line)
    if times:
        yield start, times, words


def _number_in(words: Sequence[str], following: int, is_numbered: bool) -> int | None:
    """The place of a cue's number among the lines before its times; None: all of them are words of the cue before.

    Not every file has numbers, and what is said may be one. So it is the last line that isn't blank, and either the number
    that follows or, in a file with numbers, apart from the words: behind a blank line, or behind others and next to the times.
    """
    last = max((place for place, line in enumerate(words) if line.strip()), default=-1)
    if last < 0 or not NUMBER.fullmatch(words[last].strip()):
        return None
    is_after_blank = last > 0 and not words[last - 1].strip()
    if int(words[last]) == following and (is_numbered or is_after_blank):
        return last
    return last if is_numbered and (is_after_blank or 0 < last == len(words) - 1) else None


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
    """The cues, of which those that overlap are bad rows: their sound has the words of both. By a little, the first is cut."""
    changed: dict[int, Row | BadRow] = {}
    latest: tuple[float, float, Row] | None = None
    for cue in sorted((_span(row) for row in rows if isinstance(row, Row)), key=lambda cue: cue[:2]):
        if latest is not None and latest[0] < cue[0] < latest[1] <= round(cue[0] + LITTLE, 6):
            changed.setdefault(latest[2].line, replace(latest[2], end=cue[0]))
            latest = None
        elif latest is not None and cue[0] < latest[1]:
            for (start, end, row), other in ((latest, cue), (cue, latest)):
                detail = f"{start:g} to {end:g} s, and line {other[2].line} has {other[0]:g} to {other[1]:g} s"
                remedy = "correct the times, or make one cue of the two"
                changed[row.line] = bad_row(row.line, row.audio, "overlapping cues", detail, remedy)
        if latest is None or cue[1] > latest[1]:
            latest = cue
    return [changed.get(row.line, row) for row in rows]


def _span(row: Row) -> tuple[float, float, Row]:
    return row.start or 0.0, row.end or 0.0, row
