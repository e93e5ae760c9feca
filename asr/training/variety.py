"""Variety: what is drawn anew for each clip in each epoch, over stored features: a level, and the masks of SpecAugment
(arXiv:1904.08779) without its time warp.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.shards.frames import amplified

MOST_OF_A_CLIP = 0.2
"""A time mask covers at most this share of the clip, as the paper's parameter p for Switchboard."""


@dataclass(frozen=True)
class Gain:
    """The share of clips whose level changes, and by how many decibels."""

    share: float
    min_db: float
    max_db: float


@dataclass(frozen=True)
class Masks:
    """So many masks, each of a width drawn between 0 and the given one."""

    times: int
    time_frames: int
    frequencies: int
    frequency_mels: int

    def __bool__(self) -> bool:
        return bool(self.times or self.frequencies)


@dataclass(frozen=True)
class Variety:
    """What is done to clips, each of which draws its own."""

    gain: Gain
    masks: Masks

    def __bool__(self) -> bool:
        return bool(self.gain.share or self.masks)


NO_VARIETY = Variety(Gain(0.0, 0.0, 0.0), Masks(0, 0, 0, 0))


def varied(features: NDArray[np.float16], variety: Variety, random: np.random.Generator) -> NDArray[np.float16]:
    """A clip as it is learned from this time.

    Args:
        features: shape (frames, mels).
        variety: what may be done to it.
        random: the source of every draw.
    """
    gain = variety.gain
    if random.random() < gain.share:
        features = amplified(features, random.uniform(gain.min_db, gain.max_db))
    return masked(features, variety.masks, random) if variety.masks else features


def masked(features: NDArray[np.float16], masks: Masks, random: np.random.Generator) -> NDArray[np.float16]:
    """A copy with bands of frames and of mels set to the clip's mean.

    Args:
        features: shape (frames, mels).
        masks: how many, and how wide at most.
        random: the source of every draw.
    """
    frames, mels = features.shape
    mean = features.mean(dtype=np.float32)
    result = features.copy()
    for _ in range(masks.times):
        # Not the last frame, which is what the window is padded with.
        start, end = _band(frames - 1, min(masks.time_frames, int(MOST_OF_A_CLIP * frames)), random)
        result[start:end] = mean
    for _ in range(masks.frequencies):
        start, end = _band(mels, masks.frequency_mels, random)
        result[:, start:end] = mean
    return result


def _band(size: int, widest: int, random: np.random.Generator) -> tuple[int, int]:
    width = int(random.integers(0, min(widest, size) + 1))
    start = int(random.integers(0, size - width + 1))
    return start, start + width
