"""Places: a voice in a room or among other sounds, as the files of a folder have them.

audiomentations has both, but reads files by librosa, which asks other programs where libsndfile refuses a file: a damaged one
is then used or not as the machine has an `ffmpeg`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.signal import convolve

from asr.audio.mono import peak
from asr.audio.waveform import Waveform
from asr.features.sounds import BACKGROUND, ROOM, read_piece, read_sound

RESPONSES_IN_MEMORY = 32


@dataclass(frozen=True)
class Room:
    """Puts a voice into a room; `files` are the responses of rooms to a click, of which one is drawn."""

    files: Sequence[Path]

    def __call__(self, waveform: Waveform, rate: int) -> Waveform:
        """The waveform as heard there, as long as it was, with a peak of 1.

        Raises:
            DataError: when the response can't be read.
        """
        heard = convolve(waveform, _response(random.choice(self.files)))[: len(waveform)]
        return np.asarray(heard / (peak(heard) or 1.0), np.float32)


@lru_cache(RESPONSES_IN_MEMORY)
def _response(path: Path) -> Waveform:
    return read_sound(ROOM, path)


@dataclass(frozen=True)
class Surroundings:
    """Puts a voice among other sounds: a piece of one of `files`, so many dB under the voice."""

    files: Sequence[Path]
    min_snr_db: float
    max_snr_db: float

    def __call__(self, waveform: Waveform, rate: int) -> Waveform:
        """The waveform with what is heard around it; a sound that is too short begins anew.

        Raises:
            DataError: when the sound can't be read.
        """
        ratio = 10 ** (random.uniform(self.min_snr_db, self.max_snr_db) / 20)
        sound = np.resize(read_piece(BACKGROUND, random.choice(self.files), len(waveform), random.randrange), len(waveform))
        loudness = _rms(sound)
        return waveform + sound * np.float32(_rms(waveform) / ratio / loudness) if loudness else waveform


def _rms(waveform: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(waveform))))
