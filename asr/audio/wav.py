"""WAV and other formats that store samples as they are: what the header says of the file's length, and what is there."""

from dataclasses import dataclass

from asr.audio.recording import LENGTH_TOLERANCE_SECONDS

STREAMED = 0x7FFF_0000
"""A program that writes to a pipe can't go back to the header, and leaves none (0) or about the largest number there: SoX
0x7FFFF000, FFmpeg 0xFFFFFFFF."""

MOST_CHUNKS = 1_000
"""Chunks before the sound's; a file with more is no recording."""


@dataclass(frozen=True)
class Wav:
    """A header.

    Attributes:
        promised: bytes of the whole file, by the header.
        sound: bytes of its sound, likewise.
        start: where the sound starts.
        bytes_per_second: of the sound.
    """

    promised: int
    sound: int
    start: int
    bytes_per_second: int

    @property
    def tolerance(self) -> int:
        """Bytes that may be missing or too many."""
        return round(LENGTH_TOLERANCE_SECONDS * self.bytes_per_second)


def read_header(content: bytes) -> Wav | None:
    """Read the chunks up to the sound's; None when this is no WAV file (of type RIFF, which W64 and RF64 files aren't)."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    at, bytes_per_second = 12, 0
    for _ in range(MOST_CHUNKS):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name == b"fmt ":
            bytes_per_second = int.from_bytes(content[at + 16 : at + 20], "little")
        if name == b"data":
            return Wav(int.from_bytes(content[4:8], "little") + 8, size, at + 8, bytes_per_second)
        at += 8 + size + size % 2
    return None


HEAD = 32
"""Bytes of a file in which `promised_bytes` finds what it looks for."""

TOLERANCE = 1_000
"""Bytes that other files than WAV may lack: there are as many ways to count as there are programs."""


def promised_bytes(head: bytes) -> int | None:
    """How long a whole file is by its header: RIFF's WAV, RF64, W64, AIFF or AU. None for others, and where it was streamed.

    Args:
        head: the file's first HEAD bytes.
    """
    match head[:4]:
        case b"RIFF":
            size = int.from_bytes(head[4:8], "little")
        case b"FORM":
            size = int.from_bytes(head[4:8])
        case b".snd":
            size = int.from_bytes(head[4:8]) + int.from_bytes(head[8:12]) - 8
        case b"RF64":
            return int.from_bytes(head[20:28], "little") + 8
        case b"riff":
            return int.from_bytes(head[16:24], "little")
        case _:
            return None
    return size + 8 if 0 < size < STREAMED else None


def _promised_by_caf(content: bytes) -> int | None:
    """The same of a CAF file, up to the end of its sound; None for others, and where its sound goes on to the file's end."""
    at = 8 if content[:4] == b"caff" else len(content)
    while at + 12 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 12], signed=True)
        if size < 0 or content[at : at + 4] == b"data":
            return at + 12 + size if size >= 0 else None
        at += 12 + size
    return None


def with_sound_to_the_end(content: bytes) -> bytes:
    """Where the header, written before there was any sound, gives it no bytes: the same file with all that follows as sound."""
    header = read_header(content)
    if header is None or header.sound or _is_chunks(content, header.start):
        return content
    return content[: header.start - 4] + b"\xff\xff\xff\xff" + content[header.start :]


def cut_from(content: bytes) -> int | None:
    """How many bytes a file that was cut had before, by its header; None when it is whole, or its header doesn't say."""
    header = read_header(content)
    if header is None:
        promises = [(promised_bytes(content[:HEAD]) or _promised_by_caf(content) or 0, TOLERANCE)]
    else:  # some count the 8 bytes of the file's header in
        wanted = [(header.promised, 8), (header.start + header.sound, header.tolerance)]
        promises = [(promised, tolerance) for promised, tolerance in wanted if promised < STREAMED]
    return next((promised for promised, tolerance in promises if len(content) + tolerance < promised), None)


def shortfall(content: bytes) -> str | None:
    """Say what a file lacks of what its header promises; libsndfile reads what there is of it."""
    promised = cut_from(content)
    return f"cut short: {len(content)} of {promised} bytes" if promised else None


def excess(content: bytes) -> str | None:
    """Say how much longer than promised the sound of a WAV file may be: what follows it is no chunk, as tags would be."""
    header = read_header(content)
    if header is None or not header.sound or not header.bytes_per_second:
        return None
    end = header.start + header.sound + header.sound % 2
    if len(content) - end <= header.tolerance or _is_chunks(content, end):
        return None
    seconds = [bytes_ / header.bytes_per_second for bytes_ in (header.sound, len(content) - header.start)]
    return f"{seconds[0]:.2f} s by the header, {seconds[1]:.2f} s in the file"


def _is_chunks(content: bytes, at: int) -> bool:
    """Whether from `at` to its end the file is chunks, or there is no more of it. Another file's header is no chunk."""
    while at < len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name == b"RIFF" or not (name.isascii() and name.decode().isprintable()) or not size:
            return False
        at += 8 + size + size % 2
    return at <= len(content) + 1
