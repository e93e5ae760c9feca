"""MP3: how long a file is, by walking from frame to frame (ISO 11172-3 and 13818-3), without decoding it.

A file's own idea of its length is worth little: without a Xing header there is none, and decoders guess from the first frame.
"""

from dataclasses import dataclass
from functools import cache

from asr.audio.recording import LENGTH_TOLERANCE_SECONDS

BITRATES_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
BITRATES_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Bit rates of layer III in kbit/s, by the header's index."""

RATES = (44_100, 48_000, 32_000)
"""Sample rates of MPEG-1, in Hz; MPEG-2 halves and MPEG-2.5 quarters them."""

MPEG1, MPEG25, RESERVED = 3, 0, 1
"""The header's version bits."""

MONO = 3
"""The header's mode bits, where there is one channel."""

TAGS_AT_END = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")


@dataclass(frozen=True)
class Mp3:
    """What a walk found: `frames` of audio, each of `frame_samples` at `rate` Hz; `promised` is what a Xing header says, if
    there is one.
    """

    frames: int
    frame_samples: int
    rate: int
    promised: int | None

    def agrees_with(self, guessed: int) -> bool:
        """Whether a decoder that reads `guessed` samples reads all of them."""
        return guessed == self.frames * self.frame_samples if self.promised is None else self.promised == self.frames

    @property
    def shortfall(self) -> str | None:
        """What is missing of what is promised, in words."""
        missing = ((self.promised or 0) - self.frames) * self.frame_samples / self.rate
        return f"cut short: {self.frames} of {self.promised} frames" if missing > LENGTH_TOLERANCE_SECONDS else None


def walk(content: bytes) -> Mp3 | None:
    """Count the frames of a file; None when it is not one frame after the other to its end, all of one rate and as many
    channels.
    """
    at = first = _after_id3(content)
    frames = 0
    kinds: set[tuple[int, int, bool]] = set()
    while at + 4 <= len(content):
        if content[at] != 0xFF or content[at + 1] & 0xE6 != 0xE2:  # sync, layer III
            break
        version, bitrate, rate = content[at + 1] >> 3 & 3, content[at + 2] >> 4, content[at + 2] >> 2 & 3
        kinds.add((version, rate, content[at + 3] >> 6 == MONO))
        if version == RESERVED or bitrate in (0, 15) or rate == 3 or len(kinds) > 1:
            return None
        size = _frame_bytes(version, bitrate, rate, content[at + 2] >> 1 & 1)
        if at + size > len(content):
            break
        at, frames = at + size, frames + 1
    rest = content[at:]
    if frames == 0 or (rest and not rest.startswith(TAGS_AT_END) and content[at] != 0xFF):
        return None
    promised = _xing_frames(content[first : first + 64])
    ((version, rate, _),) = kinds
    return Mp3(frames - (promised is not None), _frame_samples(version), _rate(version, rate), promised)


def promised_seconds(content: bytes) -> float | None:
    """How long a file is by the Xing header in its first frame; None where it has none. What follows may be damaged."""
    at = _after_id3(content)
    promised = _xing_frames(content[at : at + 64])
    version, rate = content[at + 1] >> 3 & 3, content[at + 2] >> 2 & 3
    if promised is None or version == RESERVED or rate == 3:
        return None
    return promised * _frame_samples(version) / _rate(version, rate)


def _after_id3(content: bytes) -> int:
    if content[:3] != b"ID3" or len(content) < 10:
        return 0
    size = 0
    for byte in content[6:10]:  # seven bits each
        size = size << 7 | byte & 0x7F
    return 10 + size


@cache
def _frame_bytes(version: int, bitrate: int, rate: int, padding: int) -> int:
    if version == MPEG1:
        return 144_000 * BITRATES_MPEG1[bitrate] // _rate(version, rate) + padding
    return 72_000 * BITRATES_MPEG2[bitrate] // _rate(version, rate) + padding


def _frame_samples(version: int) -> int:
    return 1152 if version == MPEG1 else 576


def _rate(version: int, rate: int) -> int:
    return RATES[rate] >> {MPEG1: 0, MPEG25: 2}.get(version, 1)


def _xing_frames(start: bytes) -> int | None:
    """What the Xing or Info header in a first frame says; it sits behind the side information, which is of four lengths."""
    for mark in (b"Xing", b"Info"):
        at = start.find(mark)
        if 0 <= at <= len(start) - 12 and start[at + 7] & 1:
            return int.from_bytes(start[at + 8 : at + 12])
    return None
