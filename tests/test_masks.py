"""Masks: bands of a clip's mean, as wide as was asked and no wider."""

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.training.masks import NO_MASKS, Masks, masked

CLIP = np.random.default_rng(0).choice([1.0, 4.0], size=(200, 80)).astype(np.float16)
"""No cell of it is its mean."""


def masked_by(masks: Masks, seed: int, clip: NDArray[np.float16] = CLIP) -> NDArray[np.float16]:
    return masked(clip, masks, np.random.default_rng(seed))


def widths(masks: Masks, axis: int, clip: NDArray[np.float16] = CLIP) -> set[int]:
    """Of the masked bands, over many draws; `axis` is that of the cells in a band."""
    return {int((masked_by(masks, seed, clip) != clip).all(axis=axis).sum()) for seed in range(300)}


def test_no_masks_change_nothing() -> None:
    assert not NO_MASKS
    assert np.array_equal(masked_by(NO_MASKS, 1), CLIP)


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
