"""Augmentation: training clips as if recorded elsewhere, the same every time for the same clip and copy."""

import functools
import hashlib
import json
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.random import mtrand

from asr.audio.waveform import Waveform
from asr.features.parameters import TRANSFORMS, Augment
from asr.features.places import Room, Surroundings
from asr.features.sounds import BACKGROUND, ROOM, folder_hash, folders, sound_files
from asr.shards.frames import SAMPLE_RATE

TELEPHONE_LOW_HZ, TELEPHONE_HIGH_HZ = 300, 3400
TELEPHONE_ROLLOFF = 48
"""Steepness in dB an octave: 81 dB down at 100 Hz, 83 dB at 6 kHz."""

MP3_MIN_SAMPLES = SAMPLE_RATE // 10
"""The fewest samples that the encoder takes."""


def variants(settings: Augment) -> list[int]:
    """The copies of each clip to store, by number: 0 is the clean clip, the augmented ones count from 1."""
    return [*([0] if settings.keep_clean else []), *range(1, settings.copies + 1)]


def is_untrimmed(clip_id: str, copy: int, settings: Augment) -> bool:
    """Whether a copy is made of the recording with its silence; drawn by itself, so that `augment` draws what it drew."""
    return random.Random(f"{settings.seed} untrimmed {clip_id} {copy}").random() < settings.untrimmed_probability


def augment(waveform: Waveform, clip_id: str, copy: int, settings: Augment) -> Waveform:
    """A changed copy of `waveform`, whose peak should be 1.

    What is drawn depends on the seed, the clip's id and the copy, not on order, worker or what ran before. The folders' files
    are listed once a process.

    Args:
        waveform: shape (samples,), not empty.
        clip_id: the clip's id.
        copy: from 1.
        settings: the parameters of the transforms.

    Returns:
        Shape (samples,), or another length where the tempo was changed. The peak may be above 1: nothing is clipped.

    Raises:
        DataError: when a file of a folder in use can't be read.
    """
    assert copy >= 1, "copy 0 is the clean clip"
    shortest = len(waveform) / (settings.tempo_max if settings.tempo_probability else 1)
    if shortest < MP3_MIN_SAMPLES:
        settings = settings.model_copy(update={"mp3_probability": 0.0})
    chain = _chain(settings)
    with _seeded(f"{settings.seed} {clip_id}" if copy == 1 else f"{settings.seed} {clip_id} {copy}"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"audiomentations\.")
        return np.asarray(chain(waveform, SAMPLE_RATE), dtype=np.float32)


@functools.lru_cache(maxsize=2)
def _chain(settings: Augment) -> Callable[[Waveform, int], Waveform]:
    # Here, as whoever only reads parameters need not wait for the import.
    import audiomentations as am

    # The order of nature: a voice, in a room, among other sounds, through a microphone, over a line. A transform that is off is
    # left out, so that it draws nothing; noise always draws, as it did before there were others.
    chain: list[Any] = []
    sounds = {key: sound_files(key, folder) for key, folder in folders(settings).items()}
    if p := settings.tempo_probability:
        chain.append(am.TimeStretch(settings.tempo_min, settings.tempo_max, leave_length_unchanged=False, p=p))
    if p := settings.pitch_probability:
        chain.append(am.PitchShift(-settings.pitch_max_semitones, settings.pitch_max_semitones, p=p))
    if p := settings.room_probability:
        chain.append(am.Compose([Room(sounds[ROOM])], p=p))
    if p := settings.background_probability:
        around = Surroundings(sounds[BACKGROUND], settings.background_min_snr_db, settings.background_max_snr_db)
        chain.append(am.Compose([around], p=p))
    chain.append(am.AddGaussianNoise(settings.noise_min_amplitude, settings.noise_max_amplitude, p=settings.noise_probability))
    if p := settings.telephone_probability:
        centre = (TELEPHONE_LOW_HZ + TELEPHONE_HIGH_HZ) / 2
        width = (TELEPHONE_HIGH_HZ - TELEPHONE_LOW_HZ) / centre
        chain.append(am.BandPassFilter(centre, centre, width, width, TELEPHONE_ROLLOFF, TELEPHONE_ROLLOFF, p=p))
    if p := settings.mp3_probability:
        chain.append(am.Mp3Compression(settings.mp3_min_kbps, settings.mp3_max_kbps, p=p))
    composed: Callable[[Waveform, int], Waveform] = am.Compose(chain)
    return composed


@contextmanager
def _seeded(text: str) -> Iterator[None]:
    """Seed the global generators, which audiomentations draws from, and put back what was there."""
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    # NumPy's generator is exchanged as a whole: to copy its state out and in takes a tenth of a millisecond.
    before, before_numpy = random.getstate(), mtrand.get_bit_generator()
    random.seed(digest)
    mtrand.set_bit_generator(_generator())
    np.random.seed(int.from_bytes(digest))
    try:
        yield
    finally:
        random.setstate(before)
        mtrand.set_bit_generator(before_numpy)


@functools.cache
def _generator() -> np.random.MT19937:
    return np.random.MT19937()


def content(settings: Augment) -> str:
    """What determines the sound of a given waveform, clip id and copy: with equal content, equal sound.

    Not in it: how many copies and clips without speech there are, transforms that are off, and where the folders lie; their
    files are, by hash.

    Raises:
        DataError: when a folder in use holds no audio.
    """
    off = tuple(f"{name}_" for name in TRANSFORMS if not getattr(settings, f"{name}_probability"))
    values = settings.model_dump(exclude={"copies", "keep_clean", "non_speech_share"})
    values.update({key: folder_hash(key, folder) for key, folder in folders(settings).items()})
    return json.dumps({key: value for key, value in values.items() if not key.startswith(off)}, sort_keys=True)
