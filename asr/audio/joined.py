"""Joined files: several recordings one behind the other in one file, of which some decoders read the first alone."""

from collections.abc import Iterator
from itertools import pairwise

from asr.audio.recording import UnreadableAudioError, in_words
from asr.audio.wav import HEAD, promised_bytes

FIRST_PAGE = b"OggS\0\2"
"""Of an Ogg stream (RFC 3533)."""

PAGE_HEADER = 27
"""Bytes of a page's header, the last of which counts the lengths that follow it."""

OPUS_RATE = 48_000
"""What opus is decoded at, whatever it was encoded from."""

ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
"""The identifier that begins a file of wma or wmv (Microsoft's Advanced Systems Format, section 3.1)."""

MOST_BOXES = 1_000_000
"""Of an mp4 file; one in fragments of a second has two for each."""


def files_in(content: bytes) -> list[bytes]:
    """Part a file where another begins in it that FFmpeg would not read; of ogg, flac, mp3 and webm, it goes on by itself."""
    places = [0, *_starts(content), len(content)]
    return [content] if len(places) == 2 else [content[start:end] for start, end in pairwise(places)]


def excess(content: bytes) -> str | None:
    """Say how many recordings there are in a file of which a clip would be the first."""
    count = len(files_in(content))
    return f"{count} recordings one behind the other" if count > 1 else None


def _starts(content: bytes) -> Iterator[int]:
    """Where files begin after the first."""
    if content[4:8] == b"ftyp":
        yield from (at for at, name in _boxes(content) if at and name == b"ftyp")
    elif content.startswith(ASF_HEADER):
        at = 0
        while (at := content.find(ASF_HEADER, at + len(ASF_HEADER))) > 0:
            yield at
    else:
        yield from _behind_the_end(content)


def _behind_the_end(content: bytes) -> Iterator[int]:
    """Files of a format whose header says how long they are: where one ends, another begins."""
    at = 0
    while size := promised_bytes(content[at : at + HEAD]):
        at += size + size % 2
        if content[at : at + 4] != content[:4]:
            return
        yield at


def _boxes(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The outermost boxes of an mp4 file (ISO/IEC 14496-12, section 4.2): where each begins, and its type."""
    at = 0
    for _ in range(MOST_BOXES):
        size, name = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16])
        yield at, name
        at += size
        if size < 8 or at + 8 > len(content):
            return


def is_ogg_chain(content: bytes) -> bool:
    """Whether a file has Ogg streams one behind the other; libsndfile reads the first.

    Raises:
        UnreadableAudioError: when they are of several formats, which FFmpeg can't read, either.
    """
    if not content.startswith(FIRST_PAGE):
        return False
    places, at = [], 0
    while (at := content.find(FIRST_PAGE, at)) >= 0:
        places.append(at)
        at += PAGE_HEADER
    formats = list(filter(None, (_ogg_format(content, place) for place in places)))
    other = next((name for name in formats if name != formats[0]), None)
    if other:
        raise UnreadableAudioError(f"changes from {formats[0]} to {other}", remedy="export each part by itself")
    return len(places) > 1


def _ogg_format(content: bytes, page: int) -> str | None:
    """The rate and the channels of a stream; None when it is neither vorbis nor opus."""
    header = content[page : page + PAGE_HEADER]
    start = page + PAGE_HEADER + header[-1] if len(header) == PAGE_HEADER else len(content)
    packet = content[start : start + 16]
    if packet.startswith(b"\1vorbis") and len(packet) == 16:
        rate, channels = int.from_bytes(packet[12:16], "little"), packet[11]
    elif packet.startswith(b"OpusHead") and len(packet) == 16:
        rate, channels = OPUS_RATE, packet[9]
    else:
        return None
    return in_words(rate, channels)
