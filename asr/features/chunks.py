"""Chunks: a list of clips cut where the clips' own hashes say so, so that a change moves no boundary but those beside it.

A chunk becomes a shard. It ends at a clip whose hash is a multiple of the size aimed at, once it has that size, or else when it
has become too large. So clips that are added at the end touch the last chunk alone, and one that is inserted or removed touches
the chunk it falls into and seldom more than the next.
"""

from collections.abc import Iterable
from typing import NamedTuple

from asr.base.entries import AudioEntry

AIM = 64
"""Clips that a chunk has at least, but for long clips and the last chunk; on average it has twice as many."""

LONGEST = 8
"""A chunk ends at this many times the size aimed at, whatever the hashes say."""

MAX_SECONDS = 2400.0
"""A chunk ends with this much audio, too: 40 minutes are 38 MB of 80 mels, 61 MB of 128."""


class Keyed(NamedTuple):
    """A clip, and the key under which its features are found: the hash, in hexadecimal, of all that tells it from others."""

    key: str
    clip: AudioEntry


Chunk = tuple[Keyed, ...]


def cut(clips: Iterable[Keyed], variants: int = 1) -> Iterable[Chunk]:
    """Divide `clips` into chunks, in their order; each holds one clip at least.

    Args:
        clips: read one by one.
        variants: how many times each clip's length is stored, for MAX_SECONDS.
    """
    chunk: list[Keyed] = []
    seconds = 0.0
    for keyed in clips:
        chunk.append(keyed)
        length = keyed.clip.seconds * variants
        seconds += length
        size = aim(length)
        is_boundary = len(chunk) >= size and int(keyed.key, 16) % size == 0
        if is_boundary or len(chunk) >= LONGEST * size or seconds >= MAX_SECONDS:
            yield tuple(chunk)
            chunk, seconds = [], 0.0
    if chunk:
        yield tuple(chunk)


def aim(seconds: float) -> int:
    """Clips to aim at in a chunk that holds a clip of `seconds`: a power of two.

    Long clips have small chunks, so that the hashes cut them before MAX_SECONDS has to: a cut by length moves with the clips.
    """
    return 1 << max(min(AIM, int(MAX_SECONDS / LONGEST / max(seconds, 1.0))).bit_length() - 1, 0)
