"""FFmpeg, inside PyAV's wheel: what libsndfile doesn't read, such as m4a and webm, block by block."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, cast

import av
import numpy as np

from asr.audio import mp3
from asr.audio.recording import LENGTH_TOLERANCE_SECONDS, Samples, UnreadableAudioError, in_words, require_sane

OPTIONS = {"protocol_whitelist": "none"}
"""A playlist names other files; a clip is what is in its own."""

HEADED = frozenset(("caf", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "tta", "wav", "wv"))
"""Containers whose header has the length of each stream. Of others, FFmpeg may have guessed it from a bit rate."""

MATROSKA = "matroska,webm"
"""Its header has the time at which the last of its streams ends."""

WITH_PAUSES = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""Telephones send no frames while nobody speaks; FFmpeg's own decoders of AMR stop there, and these go on."""

BLOCK = 2**14
"""Values that are gathered from frames before they are handed on: 0.3 s of mono at 48 kHz."""

MOST_PLANES = 7
"""PyAV 18 reads past the end of a frame's list of planes, and crashes, when there is one for each of 8 channels."""

PATIENCE_SECONDS = 10.0
SLOWEST = 20.0
"""What a decoder may take of the processor: PATIENCE_SECONDS, and a second for each SLOWEST of sound. Real ones are several
hundred times as fast as the sound; damaged files can keep them busy forever."""


class Patience:
    """How long a file may keep the processor busy; `heard` are the seconds of sound that have come of it so far."""

    def __init__(self) -> None:
        self.heard = 0.0
        self._spent = self._entered = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Account for the processor's time within."""
        self._entered = time.thread_time()
        try:
            yield
        finally:
            self._spent += time.thread_time() - self._entered

    def require_progress(self) -> None:
        """Give up on a file that keeps the processor busy for nothing; only to be called at work.

        Raises:
            UnreadableAudioError: when it does.
        """
        spent = self._spent + time.thread_time() - self._entered
        if spent > PATIENCE_SECONDS + self.heard / SLOWEST:
            raise UnreadableAudioError(f"not decoded within {spent:.0f} s")


class _Watched:
    """A file that a decoder can't read over and over without end."""

    def __init__(self, file: BinaryIO, patience: Patience) -> None:
        self._file, self._patience = file, patience
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        self._patience.require_progress()
        return self._file.read(size)


def open_media(file: BinaryIO, patience: Patience) -> av.container.InputContainer:
    """Open a file, which can't have FFmpeg open anything else. Nothing in the project opens media in another way.

    Args:
        file: open at its beginning; FFmpeg is not told its name.
        patience: of whoever decodes it.
    """
    return av.open(_Watched(file, patience), mode="r", metadata_errors="ignore", options=OPTIONS)


class FfmpegSource:
    """A file that FFmpeg reads; the attributes are a source's (see asr/audio/recording.py)."""

    def __init__(self, content: bytes) -> None:
        """Open a file and decode its first frame, which knows rate and channels better than the header.

        Raises:
            UnreadableAudioError: when it has no audio, or can't be read.
        """
        self.rate, self.channels, self.position = 1, 1, 0
        self._content = content
        self._end = 0.0
        self._patience = Patience()
        with self._at_work():
            self._container = open_media(BytesIO(content), self._patience)
            self._stream = sound_of(self._container)
            self._frames = self._decode()
            self._next = next(self._frames, None)
        if self._next is None:
            raise UnreadableAudioError("no audio in the file")
        self.rate, self.channels = self._next.rate, self._next.layout.nb_channels
        require_sane(self.rate, self.channels)
        self._format = form_of(self._next)
        self._to_float = ToFloat(self.channels)

    def skip_to(self, frame: int) -> None:
        """Do nothing: FFmpeg doesn't find a frame to the sample."""

    def read(self, at_most: int) -> Samples | None:
        """Decode a block; None at the end.

        Raises:
            UnreadableAudioError: when the file is damaged here, when its format changes, or when it takes too long.
        """
        blocks: list[Samples] = []
        with self._at_work():
            while self._next is not None and sum(map(len, blocks)) * self.channels < BLOCK:
                blocks.extend(self._samples(self._next))
                self._next = next(self._frames, None)
        return np.concatenate(blocks) if blocks else None

    def _decode(self) -> Iterator[av.AudioFrame]:
        decoder = one_threaded(self._stream.codec_context)
        for packet in self._container.demux(self._stream):
            self._patience.require_progress()
            yield from decoder.decode(packet)

    def _samples(self, frame: av.AudioFrame) -> list[Samples]:
        if (found := form_of(frame)) != self._format:
            change = f"from {in_words(*self._format[:2])} to {in_words(*found[:2])} after {self.position / self.rate:.2f} s"
            raise UnreadableAudioError(f"changes {change}", remedy="export each part by itself")
        if frame.pts is not None and frame.time_base is not None:
            self._end = float(frame.pts * frame.time_base) + frame.samples / self.rate
        self.position += frame.samples
        self._patience.heard = self.position / self.rate
        return self._to_float(frame)

    def shortfall(self) -> str | None:
        """What the header promises beyond the last frame."""
        container, stream = self._container, self._stream
        there, promised = self.position / self.rate, None
        if "mp3" in container.format.name:
            return self._shortfall_of_mp3()
        if container.format.name in HEADED and stream.duration is not None and stream.time_base is not None:
            promised = float(stream.duration * stream.time_base)
        if container.format.name == MATROSKA and len(container.streams) == 1 and container.duration is not None:
            there, promised = self._end, container.duration / av.time_base
        if promised is None or there >= promised - LENGTH_TOLERANCE_SECONDS:
            return None
        return f"cut short: {there:.2f} s of {promised:.2f} s can be read"

    def close(self) -> None:
        """Free the decoder."""
        self._container.close()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Account for the processor's time, and put FFmpeg's errors in our words."""
        try:
            with self._patience.at_work():
                yield
        except (av.FFmpegError, OSError) as error:  # "Cannot allocate memory", too, is of damaged files, which ask for too much
            damaged = f"damaged, cut short or not audio ({error.strerror or error})"
            raise UnreadableAudioError(self._shortfall_of_mp3() or damaged) from error

    def _shortfall_of_mp3(self) -> str | None:
        found = mp3.walk(self._content)
        return found.shortfall if found else None


def sound_of(container: av.container.InputContainer) -> av.AudioStream:
    """The first audio stream.

    Raises:
        UnreadableAudioError: when there is none, or FFmpeg has no decoder for it.
    """
    if not container.streams.audio:
        raise UnreadableAudioError("no audio in the file")
    if container.streams.audio[0].codec_context is None:
        raise UnreadableAudioError("encoded in a way that FFmpeg doesn't know")
    return container.streams.audio[0]


class ToFloat:
    """Makes samples of frames, all of so many channels."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._resample = av.AudioResampler("fltp" if channels <= MOST_PLANES else "flt").resample

    def __call__(self, frame: av.AudioFrame) -> list[Samples]:
        """The samples of a frame, in blocks."""
        blocks = [block.to_ndarray().astype(np.float32, copy=False) for block in self._resample(frame)]
        return [block.T if len(block) == self._channels else block.reshape(-1, self._channels) for block in blocks]


def one_threaded(own: av.AudioCodecContext) -> av.AudioCodecContext:
    """A stream's own decoder, or one that knows more, in one thread: every core has a clip of its own."""
    decoder = own
    if (better := WITH_PAUSES.get(own.name)) in av.codecs_available:
        decoder = cast(av.AudioCodecContext, av.CodecContext.create(better, "r"))
        decoder.sample_rate, decoder.layout = own.sample_rate, own.layout
    decoder.thread_count = 1
    return decoder


def form_of(frame: av.AudioFrame) -> tuple[int, int, str]:
    """Its rate, its channels, and how its samples are stored."""
    return frame.rate, frame.layout.nb_channels, frame.format.name
