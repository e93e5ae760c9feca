"""Waveforms, case by case."""

import numpy as np

from asr.features.waveform import normalize_peak, remove_offset, to_mono_16k, trim_silence
from tests.sounds import tone


def test_channels_are_averaged() -> None:
    stereo = np.array([[0.5, 0.1], [-0.2, 0.4]], dtype=np.float32)

    np.testing.assert_allclose(to_mono_16k(stereo, 16_000), [0.3, 0.1], rtol=1e-6)


def test_of_channels_in_opposite_phase_one_is_heard() -> None:
    voice = tone(1.0, rate=44_100)

    waveform = to_mono_16k(np.concatenate([voice, -voice], axis=1), 44_100)

    np.testing.assert_array_equal(waveform, to_mono_16k(voice, 44_100))


def test_an_offset_is_taken_away_and_a_small_mean_stays() -> None:
    voice = tone(1.0)[:, 0]

    np.testing.assert_allclose(remove_offset(voice + np.float32(0.1)), voice - voice.mean(), atol=1e-6)
    np.testing.assert_array_equal(remove_offset(voice + np.float32(0.01)), voice + np.float32(0.01))


def test_resampling_keeps_length_and_pitch() -> None:
    waveform = to_mono_16k(tone(2.0, rate=44_100, hertz=1_000), 44_100)

    assert len(waveform) == 32_000
    assert abs(np.abs(np.fft.rfft(waveform)).argmax() / 2.0 - 1_000) < 5  # the swell puts its side bands at 4 Hz


def test_the_largest_magnitude_becomes_one_and_silence_stays() -> None:
    assert normalize_peak(np.array([0.1, -0.5], dtype=np.float32)).tolist() == [np.float32(0.2), -1.0]
    assert normalize_peak(np.zeros(3, dtype=np.float32)).tolist() == [0, 0, 0]


def test_what_is_far_under_the_loudest_part_is_cut_at_both_ends() -> None:
    loud = np.sin(np.arange(16_000) / 5).astype(np.float32)
    quiet = 0.001 * loud

    assert 16_000 <= len(trim_silence(np.concatenate([quiet, loud, quiet]), 30.0)) < 19_000
    assert len(trim_silence(np.concatenate([quiet, loud, quiet]), 90.0)) == 48_000
