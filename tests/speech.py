"""Sounds that swell and fade as speech does: syllables of one speaker's voice, spoken anew each time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE = 16_000
FORMANTS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410), (660, 1720, 2410))
"""Of six vowels, in Hz (Peterson and Barney, 1952, men)."""


def spoken(syllables: Sequence[int], speaker: int = 0, take: int = 0) -> NDArray[np.float32]:
    """Syllables, each with a hiss before its vowel, and 0.2 s of near silence at both ends; shape (samples,) at RATE.

    Args:
        syllables: numbers of vowels.
        speaker: decides on the pitch and on how long the vocal tract is.
        take: another one has other lengths, pitches and loudness, by a few percent.
    """
    voice, chance = np.random.default_rng(speaker), np.random.default_rng((speaker, take))
    pitch, tract = voice.uniform(90, 220), voice.uniform(0.9, 1.15)
    silence = np.zeros(int(0.2 * RATE))
    parts = [_syllable(FORMANTS[number], pitch, tract, chance) for number in syllables]
    wave = np.concatenate([silence, *parts, silence])
    noise = 1e-4 * chance.standard_normal(len(wave))
    return np.asarray(0.5 * wave / np.abs(wave).max() + noise, np.float32)


def _syllable(formants: Sequence[float], pitch: float, tract: float, chance: np.random.Generator) -> NDArray[np.float64]:
    hiss = 0.05 * chance.standard_normal(int(chance.uniform(0.03, 0.06) * RATE))
    time = np.arange(int(chance.uniform(0.12, 0.2) * RATE)) / RATE
    source = np.diff(np.floor(pitch * chance.uniform(0.95, 1.05) * time), prepend=0.0)
    for formant in formants:
        pole = np.exp(-np.pi * 80 / RATE + 2j * np.pi * formant * tract * chance.uniform(0.97, 1.03) / RATE)
        source = lfilter([abs(1 - pole) ** 2], [1, -2 * pole.real, abs(pole) ** 2], source)
    vowel = source * np.hanning(len(source)) * chance.uniform(0.7, 1.0) / max(np.abs(source).max(), 1e-9)
    pause = np.zeros(int(chance.uniform(0.02, 0.06) * RATE))
    return np.concatenate([hiss, vowel, pause])
