"""Kaldi's folders: wav.scp and text, perhaps segments and utt2spk, each a line an entry that begins with its name."""

import re
from dataclasses import dataclass
from pathlib import Path

from asr.tables.cells import to_row
from asr.tables.columns import SPEAKERLESS, Columns
from asr.tables.contents import Table
from asr.tables.encoding import find_encoding, open_text
from asr.tables.row import BadRow, Row, bad_row

COLUMNS = Columns(audio=0, text=1, speaker=2, start=3, end=4, channel=5)
"""Of the cells that an utterance is put together from."""

TO_THE_END = re.compile(r"-1(\.0*)?")
"""What segments may have in place of an end."""


@dataclass(frozen=True)
class Entry:
    """What a file says of a name: its line, and the rest of it."""

    line: int
    rest: str


@dataclass(frozen=True)
class Files:
    """A folder's files; None: there are no segments, and every recording is an utterance."""

    recordings: dict[str, Entry]
    texts: dict[str, Entry]
    segments: dict[str, Entry] | None
    speakers: dict[str, Entry]


def read_kaldi(folder: Path, needs_text: bool = True) -> Table:
    """Read a folder. A row is an utterance of `text`, in its order, and `line` is where it stands there.

    What one file has and another lacks is a bad row, whose detail names the file that its line is of. Unless `needs_text`, what
    `text` lacks, or all where there is none, is a row without a transcript. A command in wav.scp is not run. Paths start in the
    folder if the first recording is found so, and otherwise where the user says.

    Raises:
        DataError: when wav.scp is missing, or text that is needed, or a file can't be decoded.
    """
    told: list[str] = []
    bad: list[BadRow] = []
    segments = _entries(folder / "segments", told, bad) if (folder / "segments").exists() else None
    speakers = _entries(folder / "utt2spk", told, bad) if (folder / "utt2spk").exists() else {}
    recordings = _entries(folder / "wav.scp", told, bad)
    texts = _entries(folder / "text", told, bad) if needs_text or (folder / "text").exists() else {}
    files = Files(recordings, texts, segments, speakers)
    kind = "without segments" if segments is None else "with segments"
    told.insert(0, f"{folder}: Kaldi's folder, {kind}")
    if not speakers:
        told.append(f"no utt2spk: {SPEAKERLESS}")
    rows = [_row(name, text, files) for name, text in files.texts.items()]
    source, spoken = ("wav.scp", files.recordings) if segments is None else ("segments", segments)
    lacking = {name: entry.line for name, entry in spoken.items() if name not in files.texts}
    if needs_text:
        remedy = "add it to text, or take it out"
        bad += [
            bad_row(line, name, "no transcript", f"{name} is in {source}, and not in text", remedy)
            for name, line in lacking.items()
        ]
    else:
        rows += [_row(name, Entry(line, ""), files) for name, line in lacking.items()]
    paths = [Path(entry.rest) for entry in files.recordings.values() if not _is_command(entry)]
    is_inside = bool(paths) and not paths[0].is_absolute() and (folder / paths[0]).exists()
    if is_inside:
        told.append("the paths in wav.scp start in the folder")
    elif paths:  # where else they start, who reads the table knows
        told.append("the first recording in wav.scp is not found in the folder")
    return Table([*rows, *bad], "kaldi", tuple(told), folder if is_inside else None)


def _entries(path: Path, told: list[str], bad: list[BadRow]) -> dict[str, Entry]:
    encoding = find_encoding(path)
    if encoding.guessed:
        told.append(f"{path}: {encoding.told}")
    entries: dict[str, Entry] = {}
    with open_text(path, encoding) as file:
        for number, line in enumerate(file, start=1):
            name, *rest = line.split(maxsplit=1) or [""]
            if name in entries:
                detail = f"line {number} of {path.name}, and line {entries[name].line}"
                bad.append(bad_row(number, name, "listed twice", detail, "take one of the two out"))
            elif name:
                entries[name] = Entry(number, rest[0].strip() if rest else "")
    return entries


def _row(name: str, text: Entry, files: Files) -> Row | BadRow:
    recording, part = name, ["", "", ""]
    if files.segments is not None:
        if name not in files.segments:
            return bad_row(text.line, name, "no audio", f"{name} is in text, and not in segments", "add it to segments")
        segment = files.segments[name]
        fields = segment.rest.split()
        if len(fields) not in (3, 4):
            detail = f"line {segment.line} of segments: {segment.rest or 'nothing behind the name'}"
            return bad_row(text.line, name, "broken segment", detail, "write the recording, the start and the end in seconds")
        recording, start, end, *channel = fields
        part = [start, "" if TO_THE_END.fullmatch(end) else end, *(channel or [""])]
    if recording not in files.recordings:
        return bad_row(text.line, name, "no audio", f"{recording} is not in wav.scp", "add it to wav.scp")
    entry = files.recordings[recording]
    if _is_command(entry):
        remedy = "run the command once, write its output into a file, and put that file's path into wav.scp"
        return bad_row(text.line, name, "command in wav.scp", f"line {entry.line} of wav.scp is not a path", remedy)
    speaker = files.speakers[name].rest if name in files.speakers else ""
    return to_row(text.line, [entry.rest, text.rest, speaker, *part], COLUMNS)


def _is_command(entry: Entry) -> bool:
    return entry.rest.endswith("|")
