"""Frames: what a model must know of features, and no more: their rate, their type, their padding."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Whisper's input rate in Hz."""

HOP_LENGTH = 160


FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH


LogMel = NDArray[np.float32] | NDArray[np.float16]
"""Shape (frames, mels)."""


def pad_frames(features: LogMel, frames: int) -> LogMel:
    """Lengthen features of shape (n, mels) to (frames, mels) by repeating the last frame; cut what is longer."""
    if len(features) >= frames:
        return features[:frames]
    return np.concatenate([features, np.repeat(features[-1:], frames - len(features), axis=0)])
