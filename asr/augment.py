"""Augmentation: noise and gain on a training clip's waveform, the same every time for the same clip."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from audiomentations import AddGaussianNoise, Compose, Gain
from pydantic import Field, model_validator

from asr.params import Section
from asr.waveform import SAMPLE_RATE, Waveform


class Augment(Section):
    """Each transform's probability and range; amplitudes are for a waveform whose peak is 1."""

    seed: int
    noise_probability: float = Field(ge=0, le=1)
    noise_min_amplitude: float = Field(gt=0)
    noise_max_amplitude: float = Field(gt=0)
    gain_probability: float = Field(ge=0, le=1)
    gain_min_db: float
    gain_max_db: float

    @model_validator(mode="after")
    def _ranges(self) -> "Augment":
        if self.noise_min_amplitude > self.noise_max_amplitude:
            raise ValueError("augment.noise_min_amplitude is above augment.noise_max_amplitude")
        if self.gain_min_db > self.gain_max_db:
            raise ValueError("augment.gain_min_db is above augment.gain_max_db")
        return self


def augment(waveform: Waveform, clip_id: str, copy: int, settings: Augment) -> Waveform:
    """A changed copy of `waveform`. What is drawn depends on the seed and the clip's id, not on order or worker."""
    transform = Compose(
        [
            AddGaussianNoise(
                min_amplitude=settings.noise_min_amplitude,
                max_amplitude=settings.noise_max_amplitude,
                p=settings.noise_probability,
            ),
            Gain(min_gain_db=settings.gain_min_db, max_gain_db=settings.gain_max_db, p=settings.gain_probability),
        ]
    )
    with _seeded(settings.seed, clip_id):
        return np.asarray(transform(waveform, sample_rate=SAMPLE_RATE), dtype=np.float32)


@contextmanager
def _seeded(seed: int, clip_id: str) -> Iterator[None]:
    """Audiomentations draws from the global generators; seed them, and put back what was there."""
    digest = hashlib.blake2b(f"{seed} {clip_id}".encode(), digest_size=4).digest()
    before, before_numpy = random.getstate(), np.random.get_state()
    random.seed(digest)
    np.random.seed(int.from_bytes(digest))
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)


def variants(settings: Augment) -> tuple[int, ...]:
    """The copies to store."""
    return (1,)


def content(settings: Augment) -> str:
    """What decides the sound."""
    return settings.model_dump_json()
