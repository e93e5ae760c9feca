"""Mending: a damaged recording, decoded packet by packet, with silence for what can't be read, so that its times stay right."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import av
import numpy as np

from asr.audio import mp3
from asr.audio.ffmpeg import HEADED, MATROSKA, Patience, ToFloat, form_of, one_threaded, open_media, sound_of
from asr.audio.recording import LENGTH_TOLERANCE_SECONDS, Gap, Samples, UnreadableAudioError, require_sane

PAUSING = frozenset((MATROSKA, "mov,mp4,m4a,3gp,3g2,mj2"))
"""Containers in which a recorder that pauses leaves out some time. In others, time that is missing was there once."""

PAUSE_SECONDS = 1.0
"""Times of packets are a little off in many files; from here on it is a pause."""

LONGEST_GAP_SECONDS = 600.0
"""A time that is further away is damaged itself."""

PROMISING = HEADED | {"aiff", "asf", "au"}
"""Containers whose header says how long the sound is. Of a file that is cut, FFmpeg corrects what wma's says, if too little."""

LEAST_SECONDS = 0.02
"""Containers round their times, to a millisecond or so."""

NEAR_SECONDS = 0.5
"""How far before a gap an error or a hole was seen that is its cause: decoders keep some packets back."""

STEADY_FRAMES = 8
"""So many frames of another rate, or with other channels, are another recording; fewer are damage that was taken for frames."""

MOST_FAILURES = 100
"""Of reading a packet, one after the other, before the rest is given up."""


class MendedFile:
    """A file that FFmpeg reads as far as it can; `seconds` of it are decoded so far, and `gaps` are what could not be."""

    def __init__(self, content: bytes) -> None:
        """Open a file.

        Raises:
            UnreadableAudioError: when it has no audio, or can't be opened.
        """
        self.seconds = 0.0
        self.gaps: list[Gap] = []
        self._content = content
        self._patience = Patience()
        try:
            with self._patience.at_work():
                self._container = open_media(BytesIO(content), self._patience)
                self._stream = sound_of(self._container)
        except (av.FFmpegError, OSError) as error:
            raise UnreadableAudioError(f"damaged, cut short or not audio ({error.strerror or error})") from error
        self._start: float | None = None  # the time that the file gives to its beginning, or to where its times begin anew
        self._end = 0.0
        self._hurt_at = -np.inf  # where the last error was
        self._hole_at, self._hole_bytes, self._bytes = -np.inf, 0, 0

    def blocks(self) -> Iterator[tuple[Samples, int]]:
        """Decode it to its end.

        Yields:
            samples, of shape (frames, channels), and their rate in Hz, which may change where files were joined.
        """
        found = self._blocks()
        while True:
            with self._patience.at_work():
                block = next(found, None)
            if block is None:
                break
            yield block
        self._container.close()

    def _blocks(self) -> Iterator[tuple[Samples, int]]:
        form: tuple[int, int, str] | None = None
        to_float = ToFloat(1)
        for frame in self._steady(self._decoded()):
            rate, channels = frame.rate, frame.layout.nb_channels
            if form_of(frame) != form:
                require_sane(rate, channels)
                form, to_float = form_of(frame), ToFloat(channels)
            if silence := round(self._missing_before(frame) * rate):
                yield np.zeros((silence, channels), np.float32), rate
                self.seconds += silence / rate
            yield from ((block, rate) for block in to_float(frame))
            self.seconds += frame.samples / rate
            self._patience.heard = self.seconds
        missing = self._promised() - max(self.seconds, self._end)
        if missing > LENGTH_TOLERANCE_SECONDS:
            self.gaps.append(Gap(self.seconds, missing))

    def _decoded(self) -> Iterator[av.AudioFrame]:
        decoder = one_threaded(self._stream.codec_context)
        for packet in self._packets():
            self._patience.require_progress()
            try:
                frames = decoder.decode(packet)
            except av.FFmpegError:
                self._hurt_at = self.seconds
                continue
            yield from frames

    def _packets(self) -> Iterator["av.Packet[Any]"]:
        """The stream's packets. Those of other streams are looked at, too: what is in none of them was skipped as damaged."""
        failures, end = 0, None
        while failures < MOST_FAILURES:
            try:
                for packet in self._container.demux():
                    failures = 0
                    if packet.size and packet.pos is not None:
                        if end is not None and packet.pos > end:
                            self._hole_at, self._hole_bytes = self.seconds, packet.pos - end
                        end = packet.pos + packet.size
                    if packet.stream.index == self._stream.index:
                        self._bytes += packet.size
                        yield packet
                return
            except av.FFmpegError:
                self._hurt_at = self.seconds
                failures += 1

    def _steady(self, frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        """Leave out frames of another form that are too few to be another recording."""
        form: tuple[int, int, str] | None = None
        others: list[av.AudioFrame] = []
        for frame in frames:
            if form is None or form_of(frame) == form:
                form, others = form_of(frame), []
                yield frame
                continue
            self._hurt_at = self.seconds
            others = [*others, frame] if others and form_of(others[-1]) == form_of(frame) else [frame]
            if len(others) == STEADY_FRAMES:
                form = form_of(frame)
                yield from others
                others = []

    def _missing_before(self, frame: av.AudioFrame) -> float:
        """Seconds of silence that belong before a frame, by the file's times; a gap, unless somebody had paused there."""
        if frame.pts is None or frame.time_base is None:
            return 0.0
        time = float(frame.pts * frame.time_base)
        self._end = time + frame.samples / frame.rate
        if self._start is None:
            self._start = time
        missing = time - self._start - self.seconds
        is_hurt = self.seconds - self._hurt_at < NEAR_SECONDS
        if missing < -PAUSE_SECONDS or missing > LONGEST_GAP_SECONDS:
            self._start = time - self.seconds  # another file begins here, or the time is damaged
            return 0.0
        is_damaged = is_hurt or self._has_hole(missing)
        if missing < (LEAST_SECONDS if is_damaged else PAUSE_SECONDS):
            return 0.0
        if is_damaged or self._container.format.name not in PAUSING:
            self.gaps.append(Gap(self.seconds, missing))
        return missing

    def _has_hole(self, missing: float) -> bool:
        """Whether the file has at least half of the bytes here that so many seconds would take, in no packet."""
        is_near = self.seconds - self._hole_at < NEAR_SECONDS
        return is_near and self._hole_bytes > missing * self._bytes / max(self.seconds, 1.0) / 2

    def _promised(self) -> float:
        """Seconds that the file should have, by its header; 0 where it doesn't say."""
        container, stream = self._container, self._stream
        if "mp3" in container.format.name:
            return mp3.promised_seconds(self._content) or 0.0
        if container.format.name in PROMISING and stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if container.format.name == MATROSKA and len(container.streams) == 1 and container.duration is not None:
            return container.duration / av.time_base
        return 0.0
