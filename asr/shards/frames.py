"""Frames: what a model must know of features, and no more: their rate, their type, their padding, their level."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Whisper's input rate in Hz."""

HOP_LENGTH = 160


FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH


NO_POWER = -1.5
"""What Whisper's features are where there is no power at all: 1e-10 is the least, and (log10(power) + 4) / 4 is stored."""

LogMel = NDArray[np.float32] | NDArray[np.float16]
"""Shape (frames, mels)."""


def pad_frames(features: LogMel, frames: int) -> LogMel:
    """Lengthen features of shape (n, mels) to (frames, mels) by repeating the last frame; cut what is longer."""
    if len(features) >= frames:
        return features[:frames]
    return np.concatenate([features, np.repeat(features[-1:], frames - len(features), axis=0)])


def amplified(features: NDArray[np.float16], decibels: float) -> NDArray[np.float16]:
    """The features of the same sound, so many decibels louder: every value is higher by as much, as features are logarithms.

    Args:
        features: shape (frames, mels).
        decibels: below zero, the sound is softer.
    """
    louder: NDArray[np.float32] = features.astype(np.float32) + np.float32(decibels / 40)
    return louder.clip(min=NO_POWER).astype(np.float16)
