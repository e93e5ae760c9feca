"""Recordings: audio as decoders give it, and why they can't."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Shape (frames, channels), in [-1, 1]; a lossy format may go a little further."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
MOST_CHANNELS = 32

MOST_VALUES = 2**26
"""Samples of all channels that are kept of a recording: 256 MB."""

LENGTH_TOLERANCE_SECONDS = 0.25

EXPORT_AGAIN = "export the recording again"


class UnreadableAudioError(Exception):
    """Audio that can't be read, and why.

    Attributes:
        reason, remedy: as a finding has them; the detail is the error's text.
    """

    def __init__(self, detail: str, reason: str = "unreadable audio", remedy: str = EXPORT_AGAIN) -> None:
        super().__init__(detail)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Recording:
    """Decoded audio: `samples` at `rate` Hz, of a file that has `file_channels`."""

    samples: Samples
    rate: int
    file_channels: int

    @property
    def seconds(self) -> float:
        """The recording's length."""
        return len(self.samples) / self.rate

    @property
    def channels(self) -> int:
        """How many channels there are: 1 is mono, 2 is stereo."""
        return int(self.samples.shape[1])


@dataclass(frozen=True)
class Gap:
    """What can't be read of a recording: `seconds` of it, from `start` on."""

    start: float
    seconds: float


class Source(Protocol):
    """A file that is being decoded, from its first frame on (a sample of each channel); `position` is the frame to come."""

    rate: int
    channels: int
    position: int

    def skip_to(self, frame: int) -> None:
        """Leave out what is before `frame`, if the format allows that exactly; never past the file's end."""

    def read(self, at_most: int) -> Samples | None:
        """Decode some frames, no more than `at_most` where that saves work; None at the end.

        Raises:
            UnreadableAudioError: when the file is damaged here.
        """

    def shortfall(self) -> str | None:
        """At the end: what is missing by the header's account."""

    def close(self) -> None:
        """Free what the decoder holds."""


def in_words(rate: int, channels: int) -> str:
    """Say what a file has."""
    return f"{rate} Hz, {channels} channel{'s' * (channels > 1)}"


def require_sane(rate: int, channels: int) -> None:
    """Refuse what no recording of speech has, before anything is reserved for it.

    Raises:
        UnreadableAudioError: with the number that is wrong.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnreadableAudioError(f"{rate} Hz; from {LOWEST_RATE} to {HIGHEST_RATE} can be read")
    if not 1 <= channels <= MOST_CHANNELS:
        raise UnreadableAudioError(f"{channels} channels; from 1 to {MOST_CHANNELS} can be read")
