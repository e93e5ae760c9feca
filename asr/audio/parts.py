"""Parts: the views of a file, gathered from its blocks as they are decoded."""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from asr.audio.recording import LENGTH_TOLERANCE_SECONDS, MOST_VALUES, Recording, Samples, Source, UnreadableAudioError
from asr.base.entries import View

TOO_LONG = "longer than it may be"
"""A reason that nobody is told: `asr.audio.inspection` knows better what it means for the file."""

LATEST_SECONDS = 1e9
"""No file goes on for so long."""


@dataclass
class _Part:
    """A view in frames, with the samples of it that have been decoded."""

    number: int
    view: View
    start: int
    end: float
    blocks: list[Samples] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """How many there are so far."""
        return sum(map(len, self.blocks))

    def take(self, block: Samples, at: int) -> None:
        """Take what belongs to it of a block that begins at frame `at`."""
        self.blocks.append(block[max(self.start - at, 0) : int(min(self.end - at, len(block)))])


def read_parts(
    source: Source, views: Mapping[int, View], longest: float | None
) -> Iterator[tuple[int, Recording | UnreadableAudioError]]:
    """Decode a source as far as the views go, and yield each one's number and what became of it, once that is known.

    Args:
        source: a file at its beginning.
        views: by their numbers.
        longest: seconds; what is longer by more than the tolerance is refused.
    """
    placed = [_place(number, view, source, longest) for number, view in views.items()]
    yield from ((number, part) for number, part in zip(views, placed, strict=True) if isinstance(part, UnreadableAudioError))
    coming = deque(sorted((part for part in placed if isinstance(part, _Part)), key=lambda part: part.start))
    begun: list[_Part] = []
    while coming or begun:
        if not begun:
            source.skip_to(coming[0].start)
        at = source.position
        block = source.read(int(min(max(part.end for part in begun or [coming[0]]) - at, MOST_VALUES)))
        if block is None:
            break
        while coming and coming[0].start < source.position:
            begun.append(coming.popleft())
        for part in begun:
            part.take(block, at)
        results = [(part, _result(part, source, longest)) for part in begun]
        begun = [part for part, result in results if result is None]
        yield from ((part.number, result) for part, result in results if result is not None)
    yield from ((part.number, _result_at_end(part, source)) for part in [*begun, *coming])


def _place(number: int, view: View, source: Source, longest: float | None) -> _Part | UnreadableAudioError:
    """Turn seconds into frames, where there can be such a part."""
    if view.channel is not None and not 0 <= view.channel < source.channels:
        detail = f"channel {view.channel} of a file that has {source.channels}"
        return UnreadableAudioError(detail, "no such channel", "correct the channel; the first is 0")
    start, end = view.start or 0.0, math.inf if view.end is None else view.end
    if not 0 <= start < end:
        return _no_part(f"from {start:g} to {end:g} s")
    if longest is not None and longest + LENGTH_TOLERANCE_SECONDS < end - start < math.inf:
        return UnreadableAudioError(f"{end - start:.2f} s", TOO_LONG)
    frames = [round(min(seconds, LATEST_SECONDS) * source.rate) for seconds in (start, end)]
    return _Part(number, view, frames[0], math.inf if view.end is None else frames[1])


def _result(part: _Part, source: Source, longest: float | None) -> Recording | UnreadableAudioError | None:
    """What a part has become; None when there is more of it to come."""
    if longest is not None and part.frames > (longest + LENGTH_TOLERANCE_SECONDS) * source.rate:
        return UnreadableAudioError(f"over {longest:g} s", TOO_LONG)
    if part.frames * source.channels > MOST_VALUES:
        detail = f"over {MOST_VALUES:,} samples in all channels"
        return UnreadableAudioError(detail, remedy="export it in parts, or with fewer channels")
    return _recording(part, source) if source.position >= part.end else None


def _result_at_end(part: _Part, source: Source) -> Recording | UnreadableAudioError:
    """What a part has become when the file ends and it does not."""
    if missing := source.shortfall():
        return UnreadableAudioError(missing)
    beyond = 0 if part.view.end is None else part.end - source.position
    if beyond > LENGTH_TOLERANCE_SECONDS * source.rate or 0 < part.start >= source.position:
        asked = f"from {part.start / source.rate:.2f} s on" if part.view.end is None else f"to {part.view.end:.2f} s"
        return _no_part(f"{asked} of a file that ends at {source.position / source.rate:.2f} s")
    return _recording(part, source)


def _no_part(detail: str) -> UnreadableAudioError:
    return UnreadableAudioError(detail, "no such part of the file", "correct its start and end")


def _recording(part: _Part, source: Source) -> Recording:
    empty = np.zeros((0, source.channels), np.float32)
    samples = part.blocks[0] if len(part.blocks) == 1 else np.concatenate(part.blocks or [empty])
    channel = part.view.channel
    return Recording(samples if channel is None else samples[:, [channel]], source.rate, source.channels)
