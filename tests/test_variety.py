"""Variety: levels as a recording has them that is louder or softer; masks, as wide as was asked and no wider."""

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio.waveform import at_level
from asr.features.logmel import log_mel
from asr.shards.frames import NO_POWER, amplified
from asr.training.variety import NO_VARIETY, Gain, Masks, Variety, masked, varied
from tests.sounds import hiss

CLIP = np.random.default_rng(0).choice([1.0, 4.0], size=(200, 80)).astype(np.float16)
"""No cell of it is its mean."""


def masked_by(masks: Masks, seed: int, clip: NDArray[np.float16] = CLIP) -> NDArray[np.float16]:
    return masked(clip, masks, np.random.default_rng(seed))


def widths(masks: Masks, axis: int, clip: NDArray[np.float16] = CLIP) -> set[int]:
    """Of the masked bands, over many draws; `axis` is that of the cells in a band."""
    return {int((masked_by(masks, seed, clip) != clip).all(axis=axis).sum()) for seed in range(300)}


def stored(dbfs: float) -> NDArray[np.float16]:
    """A clip's features at a level: noise, and then digital silence."""
    noise = np.concatenate([hiss(), np.zeros(8_000, np.float32)])
    return log_mel(at_level(noise, dbfs), 80).astype(np.float16)


@pytest.mark.parametrize("decibels", [-60.0, -45.0, -12.5, 5.0])
def test_amplified_features_are_those_of_the_recording_at_that_level(decibels: float) -> None:
    np.testing.assert_allclose(amplified(stored(0.0), decibels), stored(decibels), atol=2e-3)


def test_there_is_a_level_under_which_nothing_is_softer() -> None:
    assert float(stored(-100.0).min()) == float(amplified(stored(0.0), -100.0).min()) == NO_POWER


def test_the_share_of_clips_whose_level_changes_and_by_how_much_are_as_told() -> None:
    variety = Variety(Gain(0.75, -40.0, -20.0), Masks(0, 0, 0, 0))
    clip = np.zeros((2, 3), np.float16)

    levels = [float(varied(clip, variety, np.random.default_rng(seed))[0, 0]) for seed in range(1000)]

    changed = [level for level in levels if level]
    assert 700 < len(changed) < 800
    assert -1.0 <= min(changed) < -0.99
    assert -0.51 < max(changed) <= -0.5


def test_a_gain_or_masks_are_some_variety_and_nothing_is_none() -> None:
    no_masks = Masks(0, 50, 0, 27)

    assert Variety(Gain(0.1, -45.0, 5.0), no_masks)
    assert Variety(Gain(0.0, -45.0, 5.0), Masks(1, 50, 0, 27))
    assert not Variety(Gain(0.0, -45.0, 5.0), no_masks)
    assert not NO_VARIETY
    assert np.array_equal(varied(CLIP, NO_VARIETY, np.random.default_rng(1)), CLIP)


@pytest.mark.parametrize("masks", [Masks(1, 50, 0, 27), Masks(0, 50, 1, 27)])
def test_masks_of_either_kind_are_some(masks: Masks) -> None:
    assert masks


def test_the_seed_determines_the_masks() -> None:
    masks = Masks(2, 40, 2, 20)

    assert np.array_equal(masked_by(masks, 1), masked_by(masks, 1))
    assert not np.array_equal(masked_by(masks, 1), masked_by(masks, 2))


def test_masked_cells_hold_the_clips_mean() -> None:
    result = masked_by(Masks(2, 40, 2, 20), 1)

    changed = result[result != CLIP]
    assert len(changed) > 0
    assert set(changed.tolist()) == {float(np.float16(CLIP.mean(dtype=np.float32)))}


def test_time_masks_are_up_to_as_wide_as_asked() -> None:
    assert widths(Masks(1, 12, 0, 27), axis=1) == set(range(13))


def test_frequency_masks_are_up_to_as_wide_as_asked() -> None:
    assert widths(Masks(0, 50, 1, 9), axis=0) == set(range(10))


def test_a_time_mask_covers_a_fifth_of_a_short_clip_at_most() -> None:
    assert widths(Masks(1, 50, 0, 27), axis=1, clip=CLIP[:20]) == set(range(5))


def test_a_frequency_mask_wider_than_the_clip_is_cut() -> None:
    assert widths(Masks(0, 50, 1, 20), axis=0, clip=CLIP[:, :6]) == set(range(7))


def test_a_band_may_lie_anywhere() -> None:
    results = [masked_by(Masks(1, 40, 1, 20), seed) != CLIP for seed in range(300)]

    assert np.any(results, axis=0).all()


def test_several_masks_are_as_many_bands() -> None:
    changed = [(masked_by(Masks(3, 10, 0, 27), seed) != CLIP).all(axis=1) for seed in range(300)]

    bands = [int(np.diff(rows.astype(int), prepend=0).clip(0).sum()) for rows in changed]
    assert max(bands) == 3


def test_the_features_given_are_not_written_to() -> None:
    clip = CLIP.copy()
    clip.flags.writeable = False

    result = masked_by(Masks(2, 40, 2, 20), 1, clip)

    assert np.array_equal(clip, CLIP)
    assert result.dtype == np.float16
    assert result.shape == (200, 80)


def test_a_clip_of_one_frame_survives() -> None:
    clip = CLIP[:1]

    assert np.array_equal(masked_by(Masks(3, 50, 0, 27), 1, clip), clip)
    assert np.isfinite(masked_by(Masks(3, 50, 3, 27), 1, clip)).all()
