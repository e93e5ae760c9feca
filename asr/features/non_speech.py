"""Non-speech: clips in which nobody speaks, from which a model learns to write nothing.

Each is made of a training clip that is drawn by its id: of the pauses in its recording, of a noise that is made here, or of a
piece of the background sounds. It follows from the seed, the clip and the copy's number alone.
"""

import hashlib
import heapq
import json
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from asr.audio.waveform import Waveform, at_level
from asr.base.entries import AudioEntry
from asr.features.augment import variants
from asr.features.clip import Variants
from asr.features.parameters import Augment, Features
from asr.features.pauses import pauses, tiled
from asr.features.sounds import BACKGROUND, background_folder, folder_hash, read_piece, sound_files
from asr.shards.frames import SAMPLE_RATE

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds, up to the whole window of OpenAI's models."""

WHOLE_SHARE = 0.125
"""Of the clips are as long as that window, since a recording in use is heard in whole windows."""

LEVELLED_SHARE, QUIETEST_DB = 1 / 3, -80.0
"""The share of the clips whose peak is 1, as where each window is levelled; the others' are down to so many dB under."""

PAUSES_SHARE = 0.5
"""Of the clips are made of pauses, where their recordings have some."""

FLOOR_DB = (-80.0, -30.0)
"""Of the faint noise behind tones and knocks, under their peak."""

LOOP = 1 << 16
"""Samples, 4.1 s, after which a noise that is made comes again, without a seam: a longer one takes longer to make."""

Sound = NDArray[np.float64]
"""Mono samples at SAMPLE_RATE of any level, shape (samples,)."""


def origins(clips: Iterable[AudioEntry], count: int, settings: Augment) -> list[AudioEntry]:
    """The clips of which non-speech is made, in the order given: `non_speech_share` of `count`, but one at least.

    Those with the lowest hashes are taken, so a clip more or less changes one at most.
    """
    if not count or not settings.non_speech_share:
        return []
    most = max(1, round(settings.non_speech_share * count))
    drawn = ((_digest(f"{settings.seed} {clip.id}"), place, clip) for place, clip in enumerate(clips))
    return [clip for _, _, clip in sorted(heapq.nsmallest(most, drawn), key=lambda each: each[1])]


def non_speech(settings: Augment) -> Variants:
    """What is stored of each origin: as many copies as of a clip with speech, so that the share is that of what is learned."""
    return Variants(
        tuple(range(1, len(variants(settings)) + 1)),
        partial(made, settings=settings),
        json.dumps([settings.seed, *(folder_hash(*each) for each in background_folder(settings).items())]),
        modules=("asr.features.non_speech", "asr.features.pauses", "asr.features.sounds"),
    )


def untouched(settings: Features) -> Features:
    """The parameters under which a recording is handed over with the pauses at its ends, however little speech is in it."""
    return settings.model_copy(update={"trim_below_peak_db": None, "min_trimmed_seconds": 0.0})


def seconds_of(clip_id: str, copy: int, settings: Augment) -> float:
    """How long the clip is that will be made."""
    return _seconds(_generator(clip_id, copy, settings))


def made(waveform: Waveform, clip_id: str, copy: int, settings: Augment) -> Waveform:
    """A clip without speech, of `seconds_of` that id and copy.

    Args:
        waveform: the recording, shape (samples,).
        clip_id: the id of the clip.
        copy: from 1.
        settings: the parameters, of which the seed and the folder of background sounds are heeded.

    Returns:
        Shape (samples,); its peak is 1 at most.

    Raises:
        DataError: when a background sound can't be read.
    """
    random = _generator(clip_id, copy, settings)
    samples = int(_seconds(random) * SAMPLE_RATE)
    level = 0.0 if random.random() < LEVELLED_SHARE else random.uniform(QUIETEST_DB, 0.0)
    found = pauses(waveform) if random.random() < PAUSES_SHARE else []
    sound = tiled(found, samples, random) if found else _other(samples, random, settings)
    return at_level(np.asarray(sound, dtype=np.float32), level)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"non-speech {text}".encode(), digest_size=8).digest())


def _generator(clip_id: str, copy: int, settings: Augment) -> Generator:
    return np.random.default_rng(_digest(f"{settings.seed} {clip_id} {copy}"))


def _seconds(random: Generator) -> float:
    """Draw a length: as many between 1 and 2 s as between 10 and 20."""
    return LONGEST if random.random() < WHOLE_SHARE else float(SHORTEST * (LONGEST / SHORTEST) ** random.random())


def _other(samples: int, random: Generator, settings: Augment) -> Sound:
    """A background sound in half of the cases where there are some, else a noise that is made."""
    for folder in background_folder(settings).values():
        if random.random() < 0.5:
            return _background(folder, samples, random)
    kinds = (_digital_silence, _swelling_noise, _swelling_noise, _hum, _tones, _knocks)
    return kinds[random.integers(len(kinds))](samples, random)


def _digital_silence(samples: int, random: Generator) -> Sound:
    return np.zeros(samples)


def _noise(samples: int, random: Generator) -> Sound:
    """Noise of any colour, from white over pink to brown, with a peak of 1."""
    steepness = random.uniform(0, 2)
    # Under 20 Hz there is no sound, and a brown noise would be nothing but an offset that wanders.
    hertz = np.maximum(np.arange(LOOP // 2 + 1) * SAMPLE_RATE / LOOP, 20.0)
    noise = np.fft.irfft(np.fft.rfft(random.standard_normal(LOOP)) * hertz ** (-steepness / 2))
    return np.resize(noise / np.abs(noise).max(), samples)


def _waves(hertz: Sound, amplitudes: Sound, samples: int, random: Generator) -> Sound:
    """Sines, each at the frequency next to the one that is given of which a loop holds whole waves."""
    spectrum = np.zeros(LOOP // 2 + 1, dtype=np.complex128)
    turns = np.exp(2j * np.pi * random.random(len(hertz)))
    np.add.at(spectrum, np.rint(hertz * LOOP / SAMPLE_RATE).astype(int), LOOP / 2 * amplitudes * turns)
    return np.resize(np.fft.irfft(spectrum), samples)


def _over_a_floor(sound: Sound, random: Generator) -> Sound:
    return sound + _noise(len(sound), random) * 10 ** (random.uniform(*FLOOR_DB) / 20)


def _swelling_noise(samples: int, random: Generator) -> Sound:
    """Noise as steady as a fan's, or up and down as the wind's."""
    depth = random.choice([0.0, random.uniform(0, 30)])
    knots = np.arange(0, samples + SAMPLE_RATE * 2, int(random.uniform(0.1, 2.0) * SAMPLE_RATE))
    amplitude: Sound = np.interp(np.arange(samples), knots, 10 ** (-depth * random.random(len(knots)) / 20))
    return _noise(samples, random) * amplitude


def _hum(samples: int, random: Generator) -> Sound:
    """The mains' hum: 50 or 60 Hz and harmonics of it."""
    harmonics = np.arange(1.0, random.integers(2, 25))
    return _over_a_floor(
        _waves(random.choice([50.0, 60.0]) * harmonics, random.random(len(harmonics)) / harmonics, samples, random), random
    )


def _tones(samples: int, random: Generator) -> Sound:
    """One tone or several at once, held or in beeps, as telephones and machines make them."""
    hertz = 200.0 * 20.0 ** random.random(random.integers(1, 4))
    tones = _waves(hertz, np.full(len(hertz), 1 / len(hertz)), samples, random)
    if random.random() < 0.5:
        period, share = random.uniform(0.2, 4.0), random.uniform(0.1, 0.9)
        since = (np.arange(samples) / SAMPLE_RATE + period * random.random()) % period
        tones *= np.clip(np.minimum(since, share * period - since) / 0.005, 0, 1)  # on and off within 5 ms
    return _over_a_floor(tones, random)


def _knocks(samples: int, random: Generator) -> Sound:
    """Short noises that die away, as of keys, footsteps and doors."""
    sound, noise = np.zeros(samples), _noise(samples, random)
    for start in random.integers(samples, size=1 + random.poisson(random.uniform(0.2, 6) * samples / SAMPLE_RATE)).tolist():
        decay = random.uniform(0.003, 0.1) * SAMPLE_RATE
        knock = noise[start : start + int(7 * decay)]
        sound[start : start + len(knock)] += random.random() * knock * np.exp(-np.arange(len(knock)) / decay)
    return _over_a_floor(sound, random)


def _background(folder: str, samples: int, random: Generator) -> Sound:
    """A piece of a sound, which begins anew where it is too short."""
    files = _sounds(folder)
    path = files[random.integers(len(files))]
    sound = read_piece(BACKGROUND, path, samples, lambda places: int(random.integers(places)))
    return np.resize(sound, samples).astype(np.float64)


@cache
def _sounds(folder: str) -> list[Path]:
    return sound_files(BACKGROUND, folder)
