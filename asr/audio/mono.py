"""Mono: one channel made of several, and the sound without a constant offset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.audio.recording import Samples

Mono = NDArray[np.float32]
"""Shape (samples,)."""

OPPOSED_DB = 4.0
"""Averaged with silent ones, a channel loses 6 dB beside one and 18 beside seven. What loses this much more is in opposite
phase; all that is left then may be a codec's noise, which vorbis and opus put 10 to 20 dB under such channels.
"""

OFFSET_SHARE = 0.05
"""A mean further from zero than this share of the largest magnitude is a fault of the recording: sound has next to none."""


@dataclass(frozen=True)
class Mix:
    """One channel made of several.

    Attributes:
        samples: their average, or the loudest of channels that are in opposite phase.
        lost_db: what averaging takes from the loudest, up to 100 dB.
        is_opposed: whether the channels are in opposite phase.
    """

    samples: Mono
    lost_db: float
    is_opposed: bool


def mix(samples: Samples) -> Mix:
    """Average the channels of `samples`, shape (frames, channels); of channels in opposite phase, take the loudest."""
    if samples.shape[1] == 1 or not len(samples):
        return Mix(np.ascontiguousarray(samples[:, 0]), 0.0, is_opposed=False)
    channels = samples.T
    average: Mono = sum(channels[1:], start=channels[0]) / np.float32(len(channels))  # numpy's mean takes six times as long
    powers = [_power(channel) for channel in channels]
    loudest = max(powers)
    lost_db = 10 * float(np.log10(loudest / max(_power(average), 1e-10 * loudest))) if loudest else 0.0
    if lost_db <= 20 * np.log10(len(channels)) + OPPOSED_DB:
        return Mix(average, lost_db, is_opposed=False)
    return Mix(np.ascontiguousarray(channels[powers.index(loudest)]), lost_db, is_opposed=True)


def offset(samples: Mono) -> float:
    """The mean, where it is no property of the sound but a fault; otherwise 0."""
    if not len(samples):
        return 0.0
    mean = float(samples.mean())
    return mean if abs(mean) > OFFSET_SHARE * peak(samples) else 0.0


def peak(samples: NDArray[np.float32]) -> float:
    """The largest magnitude, 0 of no samples."""
    return float(max(samples.max(initial=0.0), -samples.min(initial=0.0)))


def _power(channel: Mono) -> float:
    return float(np.dot(channel, channel)) / len(channel)
