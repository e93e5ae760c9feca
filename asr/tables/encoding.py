"""Encodings: how a file's bytes are read as text. UTF-8 and UTF-16 are known for certain; anything else is guessed, aloud."""

import codecs
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from asr.base.errors import DataError

BLOCK = 1 << 20
SAMPLE = 100_000
"""Bytes to guess by."""

BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

FEWEST_ZEROS = 0.06
"""Of the bytes of UTF-16: an eighth of its characters is from ASCII. A file of UTF-8 has no zero."""

COMMONEST = "cp1252"
FEWEST_ODDS = 1.5
"""How much likelier than the commonest another encoding has to be. In tables of 1 to 40 rows in 22 languages, chardet 7.7.0 has
at least 1.54 times as much confidence in the right one as in cp1252, and where cp1252 is right at most 1.24 times as much in a
wrong one. Those of old Macs and of DOS are not told from cp1252 so surely and are not looked for.
"""

NOT_LATIN = re.compile(r"\w{0,20}[\u0370-\u0e7f]\w{0,20}")
"""A word with letters from Greek to Thai, which are all the alphabets that code pages have besides the Latin one."""

ODD_WORD = re.compile(r"""[^\s,;|"]{0,20}[^\x00-\x7f][^\s,;|"]{0,20}""")
"""A word by which somebody sees whether the guess is right, with the signs in it."""

WORDS_SHOWN = 3


@dataclass(frozen=True)
class Encoding:
    """How a file is encoded: Python's name for it, how it is told, and whether it is a guess."""

    codec: str
    told: str
    guessed: bool = False


def require_file(path: Path) -> None:
    """Refuse what is no file, before it is opened: a pipe would keep whoever reads it waiting, a device may never end.

    Raises:
        DataError: when it is none.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; put it there, or correct the name in params.yaml") from error
    if stat.S_ISDIR(mode):
        raise DataError(f"{path}: a folder, where a file is needed; name a file in it, or move the folder away")
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: a pipe or a device, where a file is needed; write what it gives into a file")


def find_encoding(path: Path) -> Encoding:
    """Find how a file is encoded, so that all of it can be decoded.

    Raises:
        DataError: when there is no such file, it is empty, or nothing decodes it; with the place of the first wrong byte.
    """
    require_file(path)
    with path.open("rb") as file:
        start = file.read(SAMPLE)
    if not start:
        raise DataError(f"{path}: empty; a table has a row for each clip")
    codec = _stated(start) or "utf-8"
    name = "UTF-8" if codec.startswith("utf-8") else "UTF-16"
    offset = undecodable(path, codec)
    if offset is None:
        return Encoding(codec, name)
    sample = _odd_lines(path)
    if codec == "utf-8" and not _is_mostly_utf8(sample):
        for guess in _guesses(sample):
            if undecodable(path, guess) is None:
                words = ", ".join(ODD_WORD.findall(sample.decode(guess, "ignore"))[:WORDS_SHOWN])
                return Encoding(
                    guess, f"{guess} (guessed, so that it reads {words}; save it as UTF-8 to be sure)", guessed=True
                )
    with path.open("rb") as file:
        before = file.read(offset).decode(codec, "replace")
        wrong = file.read(1).hex()
    line = 1 + sum(1 for _ in re.finditer(r"\r\n|\r|\n", before))
    raise DataError(f"{path}:{line}: byte {offset:,} of the file (0x{wrong}) is not {name}; save the file as UTF-8")


def open_text(path: Path, encoding: Encoding) -> TextIO:
    """Open a file whose lines keep their ends, which may be any of the three."""
    return path.open(encoding=encoding.codec, newline="")


def undecodable(path: Path, codec: str) -> int | None:
    """The place of the first byte that can't be decoded, counted from 0; None: there is none."""
    decoder = codecs.getincrementaldecoder(codec)()
    fed = 0
    try:
        with path.open("rb") as file:
            for block in iter(partial(file.read, BLOCK), b""):
                fed += len(block)
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # What it was decoding ends where the last block does, and may begin in the one before.
        return fed - len(error.object) + error.start
    return None


def _stated(start: bytes) -> str | None:
    """The encoding that a file's first bytes give away: a byte order mark, or UTF-16's zeros beside its signs from ASCII.

    In any alphabet a table has such signs, in its paths alone, and few characters have a zero for their other half, as U+4E00
    has. The zeros of a damaged UTF-8 are few, or as many at even places as at odd ones.
    """
    for mark, codec in BOMS:
        if start.startswith(mark):
            return codec
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < len(start) * FEWEST_ZEROS or max(even, odd) <= 2 * min(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _odd_lines(path: Path) -> bytes:
    """The first lines with a byte that is not ASCII, up to SAMPLE bytes."""
    found = b""
    with path.open("rb") as file:
        for line in iter(partial(file.readline, SAMPLE), b""):
            if not line.isascii():
                found += line
            if len(found) >= SAMPLE:
                break
    return found[:SAMPLE]


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether more of the odd characters are UTF-8 than aren't. Other encodings seldom make such sequences by chance."""
    text = sample.decode("utf-8", "surrogateescape")
    broken = len(re.findall("[\udc80-\udcff]", text))
    return len(re.findall(r"[^\x00-\x7f]", text)) > 2 * broken


def _guesses(sample: bytes) -> Iterator[str]:
    """The encodings that it may be, the likeliest first.

    charset-normalizer 3.5.3 was tried, too: it takes cp1252 for cp1250 in most tables of Spanish, Portuguese, Italian, Swedish
    and English, which makes `niño` `nińo`.
    """
    import chardet  # here, as few need it

    found = chardet.detect_all(sample, encoding_era=chardet.EncodingEra.MODERN_WEB, ignore_threshold=True)
    odds = {codecs.lookup(each["encoding"]).name: each["confidence"] for each in found if each["encoding"]}
    likely = {codec: sure for codec, sure in odds.items() if not _is_nonsense(sample.decode(codec, "ignore"))}
    likely[COMMONEST] = FEWEST_ODDS * likely.get(COMMONEST, 0.0)
    yield from sorted(likely, key=lambda codec: -likely[codec])


def _is_nonsense(text: str) -> bool:
    """Whether it has control codes, or Latin letters in many a word of another alphabet, as when `café` is read as `cafי`."""
    words = NOT_LATIN.findall(text)
    return re.search("[\x80-\x9f]", text) is not None or 10 * sum(
        re.search("[A-Za-z]", word) is not None for word in words
    ) > len(words)
