"""Material: what models are given to hear as their users will: recordings at other levels, joined, and without speech."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asr.audio.waveform import Waveform, at_level
from asr.features.pauses import pauses, tiled
from asr.shards.frames import SAMPLE_RATE

LEVELS_DBFS = (-15, -25, -35)
"""Of the largest sample. Of speechocean762's recordings 95 % are under -1.7 and 5 % under -16; telephones and far microphones
are far quieter.
"""

JOINED_SECONDS = 180.0
PAUSE_SECONDS = 0.7
"""Between two recordings that are joined."""

PIECES_SECONDS = (2, 5, 8, 15, 30)
"""Of sounds without speech: a minute in all, in pieces as short and as long as what a program hears at once."""

NOISE_DBFS = (-50, -35, -20, -50, -35)
"""The level of each piece, as rooms and lines have them."""

HUM_HZ, HARMONICS = 50, 20
BROWN_HZ = 25
"""Over this, brown noise falls by 6 dB an octave; if it did so under it, it would be an offset that wanders."""

Kind = Literal["silence", "white_noise", "brown_noise", "hum", "pauses"]
"""Of a sound without speech."""


@dataclass(frozen=True)
class Joined:
    """Recordings one after the other: their ids, each by itself, and the sound of all."""

    ids: tuple[str, ...]
    parts: tuple[Waveform, ...]
    waveform: Waveform


def sampled(recordings: Iterable[Path], most: int) -> list[Path]:
    """Choose recordings by the hash of their names, so that a few more or less change few of those that are chosen."""
    return sorted(recordings, key=lambda path: hashlib.blake2b(path.stem.encode()).digest())[:most]


def joined(recordings: Iterable[tuple[str, Waveform]]) -> Joined:
    """Join recordings, given with their ids, as they are, until there are JOINED_SECONDS."""
    ids: list[str] = []
    parts: list[Waveform] = []
    pause = np.zeros(int(PAUSE_SECONDS * SAMPLE_RATE), np.float32)
    for name, waveform in recordings:
        if sum(len(part) + len(pause) for part in parts) > JOINED_SECONDS * SAMPLE_RATE:
            break
        ids.append(name)
        parts.append(waveform)
    return Joined(tuple(ids), tuple(parts), np.concatenate([each for part in parts for each in (part, pause)]))


def without_speech(recordings: Iterable[Waveform]) -> Mapping[Kind, list[Waveform]]:
    """A minute of each sound in which nobody speaks, in pieces; of the recordings' own pauses only where they have some."""
    samples = sum(PIECES_SECONDS) * SAMPLE_RATE
    random = np.random.default_rng(0)
    white = random.standard_normal(samples)
    hertz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), BROWN_HZ)
    brown = np.fft.irfft(np.fft.rfft(random.standard_normal(samples)) / hertz, samples)
    time = np.arange(samples) / SAMPLE_RATE
    hum = sum(np.sin(2 * np.pi * HUM_HZ * number * time) / number for number in range(1, HARMONICS + 1))
    minutes: dict[Kind, NDArray[np.float64]] = {
        "silence": np.zeros(samples), "white_noise": white, "brown_noise": brown, "hum": np.asarray(hum),
    }  # fmt: skip
    levelled = {kind: list(map(at_level, _pieces(minute), NOISE_DBFS)) for kind, minute in minutes.items()}
    found = [pause for recording in recordings for pause in pauses(recording)]
    return levelled | ({"pauses": _pieces(tiled(found, samples, random))} if found else {})


def _pieces(minute: NDArray[np.float64]) -> list[Waveform]:
    return np.split(minute.astype(np.float32), np.cumsum(PIECES_SECONDS)[:-1] * SAMPLE_RATE)
