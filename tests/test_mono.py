"""Several channels made one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio.mono import mix, offset
from tests.sounds import tone

VOICE = tone(1.0)


def channels(*each: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate(each, axis=1).astype(np.float32)


def test_channels_are_averaged_as_numpy_does() -> None:
    for count in (2, 3, 6):
        sound = np.random.default_rng(count).uniform(-1, 1, (1000, count)).astype(np.float32)
        np.testing.assert_array_equal(mix(sound).samples, sound.mean(axis=1, dtype=np.float32))


def test_of_channels_in_opposite_phase_the_loudest_is_taken() -> None:
    found = mix(channels(VOICE, -1.1 * VOICE))

    np.testing.assert_array_equal(found.samples, np.float32(-1.1) * VOICE[:, 0])
    assert found.is_opposed
    assert found.lost_db == pytest.approx(20 * np.log10(1.1 / 0.05), abs=0.1)
    assert mix(channels(VOICE, -VOICE)).lost_db == 100


@pytest.mark.parametrize("second", [0.0 * VOICE, tone(1.0, hertz=700), -0.3 * VOICE, 0.9 * VOICE])
def test_other_channels_are_averaged(second: NDArray[np.float32]) -> None:
    found = mix(channels(VOICE, second))

    assert not found.is_opposed
    np.testing.assert_array_equal(found.samples, channels(VOICE, second).mean(axis=1))


def test_one_channel_of_many_that_has_sound_is_no_opposite() -> None:
    found = mix(channels(VOICE, *(0 * VOICE for _ in range(7))))

    assert found.lost_db == pytest.approx(20 * np.log10(8), abs=0.01)
    assert not found.is_opposed


def test_silence_and_nothing_are_no_opposites() -> None:
    assert not mix(np.zeros((100, 2), np.float32)).is_opposed
    assert mix(np.zeros((0, 2), np.float32)).samples.shape == (0,)


def test_a_mean_counts_from_a_twentieth_of_the_peak() -> None:
    assert offset(VOICE[:, 0] + np.float32(0.05)) == pytest.approx(0.05, abs=1e-3)
    assert offset(VOICE[:, 0] + np.float32(0.02)) == 0.0
    assert offset(np.zeros(0, np.float32)) == 0.0
