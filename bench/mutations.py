"""Mutations: small healthy sets of clips in every format, and what can be wrong with each, drawn by seed."""

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from bench.small_sets import SENTENCE, SmallSet

NASTY_TEXT = (
    "=cmd|'/c calc'!A1", "<script>alert(1)</script>", '"', "'", '""', "\0", "\x1b[2J", "\u202egnirts", "\ufeff", "a\nb",
    "a\r\nb", ",", ";;;;", "\t", "|", "{", "[" * 2000, "null", "NaN", "\u0301" * 50, "🎤" * 100, "<|0.00|>", "<|99.99|> x",
    "x" * 200_000, "\\", "\\ud800", "%s%n", "${data.csv}", "  ", "",
)  # fmt: skip
NASTY_PATHS = (
    "../../../etc/passwd", "/etc/passwd", "/dev/zero", "C:\\calls\\1.wav", "s3://bucket/1.wav", "file:///etc/passwd", ".", "..",
    "./././", "a" * 5000, "a\0b.wav", "a\nb.wav", "con.wav/", "~root/1.wav", "$HOME/1.wav", "-rf", "sox x.wav -t wav - |",
    "\u0301.wav", "", " ", "*", "?",
)  # fmt: skip
NASTY_NUMBERS = ("nan", "inf", "-1", "1e308", "9" * 400, "0", "1:2:3:4", "-0.0", "", "two", "1e-320", "00:00:99")
NASTY_HEADERS = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\x10\x27",
    b"RIFF",
    b"fLaC",
    b"OggS",
    b"ID3\x04",
)

FEW, MANY_COLUMNS = 8, 100_000
MOST_SECONDS_LATER = 0.02


@dataclass(frozen=True)
class Input:
    """A mutated set: its table, and the number of its rows where the mutation leaves that alone."""

    format: str
    kind: str
    table: Path
    rows: int | None


Change = Callable[[SmallSet, Path, Random], None]


def mutate(sets: list[SmallSet], seed: int, folder: Path) -> Input:
    """Write the set that belongs to a seed into an empty folder."""
    small, kind, random = drawn(sets, seed)
    small.write(folder)
    {**AUDIO_CHANGES, **TABLE_CHANGES}[kind](small, folder, random)
    is_countable = kind in AUDIO_CHANGES and small.is_text and small.format != "subtitles"
    return Input(small.format, kind, folder / small.table, small.rows if is_countable else None)


def drawn(sets: list[SmallSet], seed: int) -> tuple[SmallSet, str, Random]:
    """The set that belongs to a seed, what is done to it, and what the rest is drawn from."""
    random = Random(seed)
    small = sets[seed % len(sets)]
    return small, random.choice([*AUDIO_CHANGES, *(TABLE_CHANGES if small.is_text else BYTE_CHANGES)]), random


def _audio(small: SmallSet, folder: Path, random: Random) -> Path:
    return folder / random.choice(small.audio or small.tables)


def _table(small: SmallSet, folder: Path, random: Random) -> Path:
    return folder / random.choice(small.tables)


def _flip(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(random.randint(1, FEW)):
        content[random.randrange(len(content))] = random.randrange(256)
    path.write_bytes(content)


def _truncate(path: Path, random: Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.randrange(len(content))])


def _insert(path: Path, random: Random) -> None:
    content = path.read_bytes()
    token = random.choice([each.encode() for each in NASTY_TEXT] + [random.randbytes(random.randint(1, 64))])
    place = random.randrange(len(content) + 1)
    path.write_bytes(content[:place] + token + content[place:])


def _overwrite_header(small: SmallSet, folder: Path, random: Random) -> None:
    path = _audio(small, folder, random)
    content = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 3)):
        value, place = random.choice(NASTY_HEADERS), random.randrange(64)
        content[place : place + len(value)] = value
    path.write_bytes(content)


def _join_audio(small: SmallSet, folder: Path, random: Random) -> None:
    first, second = _audio(small, folder, random), _audio(small, folder, random)
    content, other = first.read_bytes(), second.read_bytes()
    place = random.choice((len(content), random.randrange(len(content))))
    first.write_bytes(content[:place] + other)


def _replace_audio(small: SmallSet, folder: Path, random: Random) -> None:
    path = _audio(small, folder, random)
    path.write_bytes(
        random.choice((b"", b"RIFF", path.read_bytes()[:44], random.randbytes(5000), bytes(5000), b"\xff\xfb" * 2000))
    )


def _replace_file(small: SmallSet, folder: Path, random: Random) -> None:
    """Put something into a clip's place that is no file, or not there, or elsewhere."""
    path = _audio(small, folder, random)
    path.unlink()
    match random.randrange(7):
        case 0:
            path.mkdir()
        case 1:
            os.mkfifo(path)
        case 2:
            path.symlink_to("/dev/zero")
        case 3:
            path.symlink_to(path)
        case 4:
            path.symlink_to("/gone/for/good")
        case 5:
            path.symlink_to("/etc/passwd")
        case 6:
            pass


def _shrink(small: SmallSet, folder: Path, random: Random) -> None:
    """Have a clip cut short while it is read."""
    path = _audio(small, folder, random)
    length = random.randrange(path.stat().st_size)
    threading.Timer(random.uniform(0, MOST_SECONDS_LATER), partial(_cut, path, length)).start()


def _cut(path: Path, length: int) -> None:
    with suppress(OSError):  # the set is gone already
        os.truncate(path, length)


def _lines(small: SmallSet, folder: Path, random: Random) -> None:
    """Shuffle, double, drop or join lines."""
    path = _table(small, folder, random)
    lines = path.read_bytes().splitlines(keepends=True)
    match random.randrange(4):
        case 0:
            random.shuffle(lines)
        case 1:
            lines += random.choices(lines, k=3)
        case 2:
            del lines[random.randrange(len(lines))]
        case 3:
            lines = [line.rstrip(b"\r\n") if random.random() < 0.3 else line for line in lines]
    path.write_bytes(b"".join(lines))


def _nasty(pattern: str, values: tuple[str, ...]) -> Change:
    """Put a nasty value where the pattern is found, in one place."""

    def change(small: SmallSet, folder: Path, random: Random) -> None:
        path = _table(small, folder, random)
        text = path.read_text(encoding=small.encoding)
        places = list(re.finditer(pattern, text))
        if places:
            place = random.choice(places)
            value = random.choice(values)
            path.write_text(
                text[: place.start()] + value + text[place.end() :], encoding=small.encoding, errors="replace", newline=""
            )

    return change


def _columns(small: SmallSet, folder: Path, random: Random) -> None:
    """Give a line very many cells."""
    path = _table(small, folder, random)
    lines = path.read_text(encoding=small.encoding).splitlines()
    lines[random.randrange(len(lines))] += random.choice(",;\t| ") * random.choice((1, 3, MANY_COLUMNS))
    path.write_text("\n".join(lines), encoding=small.encoding)


def _encode(small: SmallSet, folder: Path, random: Random) -> None:
    path = _table(small, folder, random)
    text = path.read_text(encoding=small.encoding) + "ä"
    encoding = random.choice(
        ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "mac-roman", "utf-7", "cp037")
    )
    path.write_bytes(text.encode(encoding, errors="replace"))


AUDIO_CHANGES: dict[str, Change] = {
    "audio: bytes changed": lambda small, folder, random: _flip(_audio(small, folder, random), random),
    "audio: cut short": lambda small, folder, random: _truncate(_audio(small, folder, random), random),
    "audio: bytes put in": lambda small, folder, random: _insert(_audio(small, folder, random), random),
    "audio: header overwritten": _overwrite_header,
    "audio: two files joined": _join_audio,
    "audio: something else": _replace_audio,
    "audio: no file": _replace_file,
    "audio: shrinks while it is read": _shrink,
}
BYTE_CHANGES: dict[str, Change] = {
    "table: bytes changed": lambda small, folder, random: _flip(_table(small, folder, random), random),
    "table: cut short": lambda small, folder, random: _truncate(_table(small, folder, random), random),
    "table: bytes put in": lambda small, folder, random: _insert(_table(small, folder, random), random),
}
TABLE_CHANGES: dict[str, Change] = {
    **BYTE_CHANGES,
    "table: lines": _lines,
    "table: columns": _columns,
    "table: encoding": _encode,
    "table: nasty transcript": _nasty(SENTENCE, NASTY_TEXT),
    "table: nasty path": _nasty(r"clip-\d", NASTY_PATHS),
    "table: nasty number": _nasty(r"\b\d+\.\d+\b", NASTY_NUMBERS),
}
