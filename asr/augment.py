"""Augmentation: training clips as if recorded elsewhere, the same every time for the same clip and copy."""

import functools
import hashlib
import json
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.random import mtrand
from pydantic import Field, model_validator

from asr.errors import DataError
from asr.params import Section
from asr.waveform import SAMPLE_RATE, Waveform

TRANSFORMS = ("tempo", "pitch", "room", "background", "noise", "telephone", "mp3", "gain")
"""In the order in which they are applied; each one's keys start with its name."""

TELEPHONE_LOW_HZ, TELEPHONE_HIGH_HZ = 300, 3400
TELEPHONE_ROLLOFF = 48
"""In dB an octave: 81 dB down at 100 Hz, 83 dB at 6 kHz."""

MP3_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""The bit rates that MP3 has at 16 kHz."""
MP3_MIN_SAMPLES = SAMPLE_RATE // 10
"""The encoder refuses less."""

SOUND_SUFFIXES = (".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".wav")
"""What audiomentations looks for and libsndfile reads."""


class Augment(Section):
    """Each transform's probability and range; amplitudes are for a waveform whose peak is 1.

    Tempo and pitch change the speaker, room and background the place, noise the microphone, telephone, mp3 and gain the line.
    A probability of 0 leaves a transform out, whatever its other keys say.
    """

    seed: int
    copies: int = Field(default=1, ge=0)
    keep_clean: bool = False
    # Slower than half speed, the stretching draws from a generator of its own that can't be seeded.
    tempo_probability: float = Field(default=0.0, ge=0, le=1)
    tempo_min: float = Field(default=0.9, ge=0.5, le=2)
    tempo_max: float = Field(default=1.1, ge=0.5, le=2)
    pitch_probability: float = Field(default=0.0, ge=0, le=1)
    pitch_max_semitones: float = Field(default=2.0, gt=0, le=12)
    room_probability: float = Field(default=0.0, ge=0, le=1)
    room_folder: str | None = Field(default=None, min_length=1)
    background_probability: float = Field(default=0.0, ge=0, le=1)
    background_folder: str | None = Field(default=None, min_length=1)
    background_min_snr_db: float = 5.0
    background_max_snr_db: float = 25.0
    noise_probability: float = Field(ge=0, le=1)
    noise_min_amplitude: float = Field(gt=0)
    noise_max_amplitude: float = Field(gt=0)
    telephone_probability: float = Field(default=0.0, ge=0, le=1)
    mp3_probability: float = Field(default=0.0, ge=0, le=1)
    mp3_min_kbps: int = Field(default=16, ge=MP3_KBPS[0], le=MP3_KBPS[-1])
    mp3_max_kbps: int = Field(default=64, ge=MP3_KBPS[0], le=MP3_KBPS[-1])
    gain_probability: float = Field(ge=0, le=1)
    gain_min_db: float
    gain_max_db: float

    @model_validator(mode="after")
    def _consistent(self) -> "Augment":
        mistakes = []
        units = {"tempo": "", "background": "_snr_db", "noise": "_amplitude", "mp3": "_kbps", "gain": "_db"}
        for name, unit in units.items():
            low, high = f"{name}_min{unit}", f"{name}_max{unit}"
            if getattr(self, low) > getattr(self, high):
                mistakes.append(f"augment.{low} is above augment.{high}")
        if not any(self.mp3_min_kbps <= kbps <= self.mp3_max_kbps for kbps in MP3_KBPS):
            mistakes.append(f"no bit rate from augment.mp3_min_kbps to augment.mp3_max_kbps; there are {MP3_KBPS}")
        for name in ("room", "background"):
            if getattr(self, f"{name}_probability") and getattr(self, f"{name}_folder") is None:
                mistakes.append(f"augment.{name}_probability is above 0 without an augment.{name}_folder")
        if self.copies == 0 and not self.keep_clean:
            mistakes.append("augment.copies is 0 and augment.keep_clean false, which leaves nothing to train on")
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self


def variants(settings: Augment) -> list[int]:
    """The copies of each clip to store, by number: 0 is the clean clip, the augmented ones count from 1."""
    return [*([0] if settings.keep_clean else []), *range(1, settings.copies + 1)]


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
        # It warns of every file that it resamples, and of silent stretches in a background noise.
        warnings.filterwarnings("ignore", module=r"audiomentations\.")
        try:
            return np.asarray(chain(waveform, SAMPLE_RATE), dtype=np.float32)
        except Exception as error:
            # A damaged file can raise a dozen exceptions, none of which names it.
            _require_whole(settings, error)
            raise


@functools.lru_cache(maxsize=2)
def _chain(settings: Augment) -> Callable[[Waveform, int], Waveform]:
    # Here, as whoever only reads parameters need not wait for the import.
    import audiomentations as am

    # The order of nature: a voice, in a room, among other sounds, through a microphone, over a line. A transform that is off is
    # left out, so that it draws nothing; noise and gain always draw, as they did before there were others.
    chain: list[Any] = []
    sounds = {key: [str(path) for path in sound_files(key, folder)] for key, folder in folders(settings).items()}
    if p := settings.tempo_probability:
        chain.append(am.TimeStretch(settings.tempo_min, settings.tempo_max, leave_length_unchanged=False, p=p))
    if p := settings.pitch_probability:
        chain.append(am.PitchShift(-settings.pitch_max_semitones, settings.pitch_max_semitones, p=p))
    if p := settings.room_probability:
        # A room's peak is always 0.5; back to 1, where the amplitudes that follow are at home. 32 responses are kept in memory.
        room = am.ApplyImpulseResponse(sounds["room_folder"], p=1.0, lru_cache_size=32)
        chain.append(am.Compose([room, am.Normalize(p=1.0)], p=p))
    if p := settings.background_probability:
        snr = {"min_snr_db": settings.background_min_snr_db, "max_snr_db": settings.background_max_snr_db}
        chain.append(am.AddBackgroundNoise(sounds["background_folder"], **snr, p=p))
    chain.append(am.AddGaussianNoise(settings.noise_min_amplitude, settings.noise_max_amplitude, p=settings.noise_probability))
    if p := settings.telephone_probability:
        centre = (TELEPHONE_LOW_HZ + TELEPHONE_HIGH_HZ) / 2
        width = (TELEPHONE_HIGH_HZ - TELEPHONE_LOW_HZ) / centre
        chain.append(am.BandPassFilter(centre, centre, width, width, TELEPHONE_ROLLOFF, TELEPHONE_ROLLOFF, p=p))
    if p := settings.mp3_probability:
        chain.append(am.Mp3Compression(settings.mp3_min_kbps, settings.mp3_max_kbps, p=p))
    chain.append(am.Gain(settings.gain_min_db, settings.gain_max_db, p=settings.gain_probability))
    composed: Callable[[Waveform, int], Waveform] = am.Compose(chain)
    return composed


@contextmanager
def _seeded(text: str) -> Iterator[None]:
    """Audiomentations draws from the global generators; seed them, and put back what was there."""
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


def folders(settings: Augment) -> dict[str, str]:
    """The folders in use, by their keys."""
    used = {"room": settings.room_probability, "background": settings.background_probability}
    return {f"{name}_folder": getattr(settings, f"{name}_folder") for name, probability in used.items() if probability}


def sound_files(key: str, folder: str) -> list[Path]:
    """The audio in `folder` and its subfolders, hidden files aside, in the order of the paths in it, wherever it lies.

    Raises:
        DataError: when there is none; it names `key`.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"augment.{key}: {folder} is not a folder; name one that holds audio")
    names = [path.relative_to(root) for path in root.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES and path.is_file()]
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    if not visible:
        kinds = ", ".join(suffix[1:] for suffix in SOUND_SUFFIXES)
        raise DataError(f"augment.{key}: {folder} holds no audio ({kinds}); put some there or name another folder")
    return [root / name for name in sorted(visible, key=Path.as_posix)]


def _require_whole(settings: Augment, error: Exception) -> None:
    for key, folder in folders(settings).items():
        files = sound_files(key, folder)
        damaged = [path for path in files if not _is_whole(path)]
        if damaged:
            count = f"{len(damaged)} of {len(files)} files"
            raise DataError(
                f"augment.{key}: {damaged[0]} is empty, damaged or cut short ({count}); export it again or remove it"
            ) from error


def _is_whole(path: Path) -> bool:
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(dtype="float32")
            return 0 < len(samples) == file.frames and bool(np.isfinite(samples).all())
    except soundfile.SoundFileError:
        return False


def content(settings: Augment) -> str:
    """What determines the sound of a given waveform, clip id and copy: with equal content, equal sound.

    Not in it: how many copies there are, transforms that are off, and where the folders lie; their files are, by hash.

    Raises:
        DataError: as `sound_files`.
    """
    off = tuple(f"{name}_" for name in TRANSFORMS if not getattr(settings, f"{name}_probability"))
    values = settings.model_dump(exclude={"copies", "keep_clean"})
    values.update({key: _folder_hash(key, folder) for key, folder in folders(settings).items()})
    return json.dumps({key: value for key, value in values.items() if not key.startswith(off)}, sort_keys=True)


def _folder_hash(key: str, folder: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in sound_files(key, folder):
        with path.open("rb") as file:
            sound = hashlib.file_digest(file, hashlib.blake2b).digest()
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + sound)
    return digest.hexdigest()
