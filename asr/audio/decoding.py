"""Audio files: decoding to samples, whole or in parts.

libsndfile reads what it knows, and FFmpeg the rest. Neither needs a system package.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

import soundfile

from asr.audio.ffmpeg import FfmpegSource
from asr.audio.libsndfile import open_with_libsndfile
from asr.audio.parts import read_parts
from asr.audio.recording import Recording, Source, UnreadableAudioError
from asr.base.entries import WHOLE, View

__all__ = ["Recording", "UnreadableAudioError", "iterate_views", "read_recording", "read_views"]

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
