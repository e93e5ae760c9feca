"""Recordings that were made at a lower rate, and those that only sound a little dull."""

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from asr.audio.bandwidth import narrow_band
from asr.audio.decoding import read_recording
from tests.encoding import encoded, stored

STEEPNESS = (3, 6, 12, 18)
"""dB an octave from 500 Hz on: speech falls by 6 to 12."""


def voice(slope_db: float, rate: int = 16_000, level: float = 0.3, hiss: float = 0.0) -> NDArray[np.float32]:
    """Noise whose spectrum falls as a voice's does, in syllables, over a hiss as of a microphone."""
    random = np.random.default_rng(3)
    spectrum = np.fft.rfft(random.standard_normal(4 * rate))
    hertz = np.fft.rfftfreq(4 * rate, 1 / rate)
    spectrum *= np.maximum(hertz / 500, 1.0) ** (-slope_db / 6.02) * (hertz > 80)
    noise = np.fft.irfft(spectrum) * np.abs(np.sin(2 * np.pi * 2 * np.arange(4 * rate) / rate))
    return np.asarray(level * noise / np.abs(noise).max() + hiss * random.standard_normal(4 * rate), dtype=np.float32)


def resampled(sound: NDArray[np.float32], from_rate: int, to_rate: int) -> NDArray[np.float32]:
    return np.asarray(soxr.resample(sound, from_rate, to_rate), dtype=np.float32)


def heard(content: bytes) -> int | None:
    recording = read_recording(content)
    return narrow_band(recording.samples[:, 0], recording.rate)


@pytest.mark.parametrize("slope_db", STEEPNESS)
@pytest.mark.parametrize("level", [0.9, 0.1, 0.01])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_dull_voice_is_of_no_narrow_band(slope_db: float, level: float, rate: int) -> None:
    sound = voice(slope_db, rate, level)[:, None]

    assert heard(stored(sound, rate)) is None
    assert heard(stored(sound, rate, "OGG")) is None
    assert heard(stored(sound, rate, "MP3")) is None


@pytest.mark.parametrize("hiss", [0.0, 0.001])
@pytest.mark.parametrize("slope_db", STEEPNESS[:3])
@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_what_was_recorded_at_8_khz_and_sold_as_more_is_found(hiss: float, slope_db: float, rate: int) -> None:
    sound = resampled(voice(slope_db, 8_000, hiss=hiss), 8_000, rate)[:, None]

    for content in (stored(sound, rate), stored(sound, rate, "OGG"), stored(sound, rate, "MP3")):
        assert 3_400 <= (heard(content) or 0) <= 4_200


def test_codecs_that_put_noise_above_it_do_not_hide_it() -> None:
    opus = encoded("webm", "libopus", resampled(voice(6, 8_000), 8_000, 48_000)[:, None], 48_000, bit_rate=24_000)
    aac = encoded("mp4", "aac", resampled(voice(6, 8_000), 8_000, 16_000)[:, None], 16_000, bit_rate=32_000)

    assert 3_400 <= (heard(opus) or 0) <= 4_200
    assert 3_400 <= (heard(aac) or 0) <= 4_200


def test_4_khz_sold_as_8_are_found() -> None:
    assert 1_600 <= (narrow_band(resampled(voice(6, 4_000), 4_000, 8_000), 8_000) or 0) <= 2_100


def test_dither_is_no_sound() -> None:
    sound = resampled(voice(6, 8_000, level=0.1), 8_000, 16_000)
    dither = np.random.default_rng(1).triangular(-1, 0, 1, len(sound)) / 2**15

    assert heard(stored((sound + dither).astype(np.float32)[:, None], 16_000)) is not None


@pytest.mark.parametrize("rate", [1_000, 4_000, 8_000, 11_025, 768_000])
def test_any_rate_and_what_is_too_short_to_tell(rate: int) -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, rate).astype(np.float32)

    assert narrow_band(noise, rate) is None
    assert narrow_band(noise[:50], rate) is None
    assert narrow_band(np.zeros(rate, np.float32), rate) is None


def test_a_tone_is_of_no_narrow_band() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(32_000) / 16_000)

    assert heard(stored(tone[:, None].astype(np.float32), 16_000)) is None
    assert heard(stored(tone[:, None].astype(np.float32), 16_000, "MP3")) is None
