"""Chunks: a list of clips cut where the clips' own hashes say so, so that a change moves no boundary but those beside it.

A chunk becomes a shard. After a clip there is a boundary when its hash is a multiple of the size aimed at, or when the chunk
has become too large. Clips that are added at the end touch the last chunk alone; one that is inserted touches the chunk it
falls into, and no boundary after the next.

The size aimed at grows with the place in the list, from 2 clips to 256, in powers of two: about a 256th to a 512th of what
went before. So the last chunk, which is written again when clips are added, is small beside the rest, for 500 clips and for
5,000,000. An inserted clip moves the others, and one of them may come to stand where the size is doubled; a boundary for a size
is one for every smaller size too, so at each of the seven such places two chunks are joined at most.
"""

import hashlib
from collections.abc import Iterable, Iterator

from asr.base.entries import WHOLE, AudioEntry

SMALLEST, LARGEST = 2, 256
"""Clips to a chunk, on average."""

SHARE = 256
"""A chunk is about this part of what goes before it."""

LONGEST = 4
"""A chunk ends at this many times the size aimed at, whatever the hashes say."""

MAX_SECONDS = 2400.0
"""A chunk ends with this much audio, too: 40 minutes are 38 MB of 80 mels, 61 MB of 128."""


def cut(clips: Iterable[AudioEntry], variants: int = 1) -> Iterator[tuple[AudioEntry, ...]]:
    """Divide `clips` into chunks, in their order; each holds one clip at least.

    Args:
        clips: read one by one.
        variants: how many times each clip's length is stored, for MAX_SECONDS.
    """
    chunk: list[AudioEntry] = []
    seconds = 0.0
    for position, clip in enumerate(clips):
        chunk.append(clip)
        seconds += clip.seconds * variants
        size = size_at(position, clip.seconds * variants)
        if _number(clip) % size == 0 or len(chunk) >= LONGEST * size or seconds >= MAX_SECONDS:
            yield tuple(chunk)
            chunk, seconds = [], 0.0
    if chunk:
        yield tuple(chunk)


def _number(clip: AudioEntry) -> int:
    """A number by a clip's content; parts of one file have one each."""
    if clip.view == WHOLE:
        return int(clip.audio_hash, 16)
    part = f"{clip.audio_hash} {clip.start} {clip.end} {clip.channel}"
    return int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest())


def size_at(position: int, seconds: float) -> int:
    """Clips to aim at in a chunk that holds a clip of `seconds` at `position`: a power of two.

    Long clips have small chunks, so that the hashes cut them before MAX_SECONDS has to: a cut by length moves with the clips.
    """
    wanted = min(max(position // SHARE, SMALLEST), LARGEST, int(MAX_SECONDS / LONGEST / max(seconds, 1.0)))
    return 1 << max(wanted.bit_length() - 1, 0)
