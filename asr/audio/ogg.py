"""Ogg: the streams that one file holds (RFC 3533), by the first page of each."""

from asr.audio.recording import UnreadableAudioError, in_words

FIRST_PAGE = b"OggS\0\2"
PAGE_HEADER = 27
"""Bytes of a page's header, the last of which counts the lengths that follow it."""

OPUS_RATE = 48_000
"""What opus is decoded at, whatever it was encoded from."""


def is_chain(content: bytes) -> bool:
    """Whether a file has streams one behind the other, as joined files do; libsndfile reads the first.

    Raises:
        UnreadableAudioError: when they are of several formats, which FFmpeg can't read, either.
    """
    if not content.startswith(FIRST_PAGE):
        return False
    places, at = [], 0
    while (at := content.find(FIRST_PAGE, at)) >= 0:
        places.append(at)
        at += PAGE_HEADER
    formats = list(filter(None, (_format(content, place) for place in places)))
    other = next((name for name in formats if name != formats[0]), None)
    if other:
        raise UnreadableAudioError(f"changes from {formats[0]} to {other}", remedy="export each part by itself")
    return len(places) > 1


def _format(content: bytes, page: int) -> str | None:
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
