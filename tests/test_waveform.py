"""Waveforms, case by case."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio import waveform
from asr.audio.waveform import prepare, remove_offset, to_mono_16k, trim_silence
from asr.shards import frames
from tests.sounds import hiss, normalize_peak, tone
from tests.speech import spoken


def test_the_rate_is_that_of_the_frames() -> None:
    assert waveform.SAMPLE_RATE == frames.SAMPLE_RATE


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


def test_a_voice_comes_to_full_volume_and_silence_stays() -> None:
    voice = normalize_peak(spoken([0, 1, 2, 3, 4, 5, 0, 1]))

    for gain in (1.0, 0.05, 0.001):
        np.testing.assert_allclose(prepare(gain * voice[:, None], 16_000, None).whole, voice, rtol=1e-4)
    assert not prepare(np.zeros((16_000, 1), np.float32), 16_000, None).whole.any()
    assert len(prepare(np.zeros((0, 1), np.float32), 16_000, 30.0).speech) == 0


@pytest.mark.parametrize("faint", [0.0, 1e-5])
def test_silence_that_is_no_rooms_around_a_recording_changes_neither_its_level_nor_where_it_is_cut(faint: float) -> None:
    """As a join, a gate or a codec leaves it; `faint` is the noise of a converter in it."""
    room = 0.003 * hiss(4.0)
    voice = normalize_peak(spoken([0, 3, 1, 4]))
    room[16_000:][: len(voice)] += voice
    cut = np.pad(room, 32 * 512) + np.float32(faint) * hiss(9.0)[: len(room) + 64 * 512]

    alone, around = (prepare(recording[:, None], 16_000, 30.0).speech for recording in (room, cut))

    np.testing.assert_allclose(around, alone, atol=1e-3)


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(lambda: 0.7 * tone(0.4, hertz=1_000)[:, 0], id="beep"),
        pytest.param(lambda: hiss(0.05), id="thump"),
        pytest.param(lambda: np.concatenate([hiss(0.02), np.zeros(8_000, np.float32), 0.9 * hiss(0.3)]), id="click and cough"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_voice_beside_something_much_louder_is_neither_cut_nor_left_quiet(
    noise: Callable[[], NDArray[np.float32]], is_first: bool
) -> None:
    voice, pause = 0.05 * normalize_peak(spoken([0, 1, 2, 3, 4, 5])), np.zeros(6_400, np.float32)
    parts = [noise(), pause, voice, pause]
    recording = np.concatenate(parts if is_first else parts[::-1]) + np.float32(1e-4) * hiss(9.0)[: sum(map(len, parts))]

    sound = prepare(recording[:, None], 16_000, 30.0)

    kept = len(voice) - 2 * 3_200  # without the silence at its ends
    assert len(sound.speech) >= kept + len(pause) + len(parts[0]) - 2_048
    heard = sound.speech[-kept:] if is_first else sound.speech[:kept]
    assert 0.2 < np.abs(heard).max() <= 1.0


def test_what_is_far_under_the_loudest_part_is_cut_at_both_ends() -> None:
    loud = np.sin(np.arange(16_000) / 5).astype(np.float32)
    quiet = 0.001 * loud

    assert 16_000 <= len(trim_silence(np.concatenate([quiet, loud, quiet]), 30.0)) < 19_000
    assert len(trim_silence(np.concatenate([quiet, loud, quiet]), 90.0)) == 48_000
