"""Audio files: decoding to samples, whole or in parts.

libsndfile reads what it knows, and FFmpeg the rest. Neither needs a system package.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from asr.audio.ffmpeg import FfmpegSource
from asr.audio.libsndfile import open_with_libsndfile
from asr.audio.mono import mix
from asr.audio.parts import read_parts
from asr.audio.recording import Recording, Samples, Source, UnreadableAudioError
from asr.audio.waveform import SAMPLE_RATE, Waveform
from asr.base.entries import WHOLE, View

__all__ = ["LongRecording", "Recording", "UnreadableAudioError", "iterate_views", "read_long", "read_recording", "read_views"]

MIXED_SECONDS = 31
"""Of a longer recording, channels are mixed in pieces of this length, so that only one channel of it is ever whole in memory.
A clip is one piece, and so what training hears.
"""

Found = tuple[int, Recording | UnreadableAudioError]
"""A view's place in the list, and what became of it."""


def read_recording(content: bytes, view: View = WHOLE) -> Recording:
    """Decode an audio file, or a part of it, given the file's bytes.

    Raises:
        UnreadableAudioError: when neither decoder can read it, whatever they raise; when it has no such part; when it is
            shorter than its header says. (An opus file, or an mp3 without a Xing header, that breaks off is a shorter clip.)
    """
    (found,) = read_views(content, [view])
    if isinstance(found, UnreadableAudioError):
        raise found
    return found


def read_views(content: bytes, views: Sequence[View]) -> list[Recording | UnreadableAudioError]:
    """Decode parts of a file, in one pass over it, or by seeking where that is exact.

    Returns:
        For each view what `read_recording` returns or raises. What is wrong elsewhere in the file is no fault of a view.
    """
    found = dict(iterate_views(content, views))
    return [found[number] for number in range(len(views))]


def iterate_views(content: bytes, views: Sequence[View], longest: float | None = None) -> Iterator[Found]:
    """Decode parts of a file as `read_views` does, and yield each once it is whole, so that few are in memory at a time.

    Args:
        content: the file's bytes.
        views: in any order; they may overlap.
        longest: seconds; of what is longer, no more is decoded than it takes to know (see `TOO_LONG` in asr/audio/parts.py).
    """
    waiting = dict(enumerate(views))
    try:
        if source := open_with_libsndfile(content):
            with suppress(soundfile.LibsndfileError):  # FFmpeg may get further
                yield from _read(source, waiting, longest)
        if waiting:
            yield from _read(FfmpegSource(content), waiting, longest)
    except MemoryError:
        raise
    except Exception as error:  # a file can be wrong in more ways than decoders know
        unreadable = _as_unreadable(error)
        yield from ((number, unreadable) for number in waiting)


@dataclass(frozen=True)
class LongRecording:
    """A recording of any length as one channel at SAMPLE_RATE. `missing`: why its end could not be read; None: it is whole."""

    waveform: Waveform
    missing: str | None


def read_long(content: bytes, channel: int | None = None) -> LongRecording:
    """Decode a file of any length to one channel, as far as it can be read.

    Args:
        content: the file's bytes.
        channel: the one that is heard, from 0; None: all, mixed as a clip's are.

    Raises:
        UnreadableAudioError: when nothing can be read, or there is no such channel.
    """
    if source := open_with_libsndfile(content):
        with closing(source), suppress(soundfile.LibsndfileError):  # FFmpeg may get further
            return _mixed(source, channel)
    with closing(FfmpegSource(content)) as other:
        return _mixed(other, channel)


def _mixed(source: Source, channel: int | None) -> LongRecording:
    if channel is not None and not 0 <= channel < source.channels:
        raise UnreadableAudioError(f"channel {channel} of a file that has {source.channels}; the first is 0")
    resampler = None
    if source.rate != SAMPLE_RATE:
        resampler = soxr.ResampleStream(source.rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    parts: list[Waveform] = []
    missing: str | None = None
    try:
        for piece in _pieces(source):
            mono = mix(piece).samples if channel is None else np.ascontiguousarray(piece[:, channel])
            parts.append(resampler.resample_chunk(mono) if resampler else mono)
        missing = source.shortfall()
    except UnreadableAudioError as error:
        if not parts:
            raise
        missing = f"{error}, after {source.position / source.rate:.1f} s"
    if resampler:
        parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    return LongRecording(np.concatenate([np.zeros(0, np.float32), *parts]), missing)


def _pieces(source: Source) -> Iterator[Samples]:
    """The blocks of a source, gathered to pieces of MIXED_SECONDS; where it is damaged, the last piece ends."""
    size = MIXED_SECONDS * source.rate
    gathered: list[Samples] = []
    fault: UnreadableAudioError | None = None
    while fault is None:
        try:
            block = source.read(size)
        except UnreadableAudioError as error:
            fault, block = error, None
        if block is not None:
            gathered.append(block)
        if gathered and (block is None or sum(map(len, gathered)) >= size):
            yield np.concatenate(gathered)
            gathered = []
        if block is None:
            break
    if fault is not None:
        raise fault


def _read(source: Source, waiting: dict[int, View], longest: float | None) -> Iterator[Found]:
    """Yield what becomes of the views that are waiting, and take them from there, for as long as the decoder can."""
    with closing(source):
        for number, found in read_parts(source, dict(waiting), longest):
            del waiting[number]
            yield number, found


def _as_unreadable(error: Exception) -> UnreadableAudioError:
    if isinstance(error, UnreadableAudioError):
        return error
    unreadable = UnreadableAudioError(f"{type(error).__name__}: {error}")
    unreadable.__cause__ = error
    return unreadable
