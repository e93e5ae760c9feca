"""The recipe: parameters that don't go together are refused, by both their names; the rate that suits a model."""

from pathlib import Path
from typing import Any

import pytest

from asr.base.errors import DataError
from asr.base.sections import parse
from asr.training.recipe import Mode, Train, learning_rate, rate_by_width
from asr.training.variety import Gain, Masks, Variety
from commands.check import Params
from stages.common.params import read_yaml
from stages.learning import windows_told
from tests.recipes import recipe

SHIPPED = Path(__file__).parent.parent / "params.yaml"


def parsed(**changes: object) -> Train:
    values: dict[str, Any] = read_yaml(SHIPPED)
    return parse(Params, {**values, "train": {**values["train"], **changes}}, "params.yaml").train


def test_the_shipped_recipe_is_valid() -> None:
    train = parsed()

    assert (train.window, train.effective_batch, train.batch_size, train.lora_rank) == ("auto", 32, "auto", 0)


# The whole section stands behind ", got" in the message, so what names both keys has to come before it.
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 33}, "batch_size is larger than effective_batch; lower batch_size"),
        ({"lora_rank": 8, "freeze_encoder_layers": 1}, "lora_rank trains no .* so freeze_encoder_layers must be 0"),
        ({"lora_rank": 8, "freeze_encoder_layers": "all"}, "lora_rank trains no .* so freeze_encoder_layers must be 0"),
        ({"lora_rank": 8, "layer_lr_decay": 0.9}, "lora_rank trains no .* so layer_lr_decay must be 1"),
        ({"lora_dropout": 0.1}, "lora_dropout is set but lora_rank is 0; set lora_rank"),
    ],
)
def test_what_does_not_go_together_is_refused_by_both_names(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=rf"^params.yaml: train: {message}"):
        parsed(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 32},
        {"lora_rank": 8, "lora_dropout": 0.1},
        {"lora_rank": 8, "freeze_encoder_layers": 0, "layer_lr_decay": 1.0},
        {"freeze_encoder_layers": "all", "layer_lr_decay": 0.9},
        {"freeze_encoder_layers": 2, "activation_checkpointing": "auto", "learning_rate": 1e-5},
    ],
)
def test_what_goes_together_is_taken(changes: dict[str, object]) -> None:
    train = parsed(**changes)

    assert {key: getattr(train, key) for key in changes} == changes


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window", "fitted"),
        ("full_window_share", 1.1),
        ("full_window_share", "most"),
        ("batch_size", 0),
        ("batch_size", "most"),
        ("precision", "bf8"),
        ("layer_lr_decay", 0.0),
        ("warmup_share", 1.0),
        ("label_smoothing", 1.0),
        ("dropout", 1.0),
        ("freeze_encoder_layers", -1),
        ("freeze_encoder_layers", "some"),
        ("lora_rank", -1),
        ("lora_alpha", 0),
        ("seed", 2**32),
    ],
)
def test_a_value_out_of_range_is_refused_under_its_key(key: str, value: object) -> None:
    with pytest.raises(DataError, match=rf"^params.yaml: train\.{key}: "):
        parsed(**{key: value})


def test_the_variety_is_that_of_the_recipe() -> None:
    train = recipe(
        gain_probability=0.5, gain_min_db=-9.0, gain_max_db=3.0,
        time_masks=2, time_mask_frames=30, frequency_masks=1, frequency_mask_mels=9,
    )  # fmt: skip

    assert train.variety == Variety(
        Gain(share=0.5, min_db=-9.0, max_db=3.0), Masks(times=2, time_frames=30, frequencies=1, frequency_mels=9)
    )
    assert not recipe().variety


@pytest.mark.parametrize(
    ("window", "frames", "is_fitted", "mode"),
    [
        ("auto", 3000, False, "pack"),
        ("auto", 3000, True, "fit"),
        ("auto", 800, False, "fit"),
        ("pack", 3000, True, "pack"),
        ("full", 800, True, "full"),
    ],
)
def test_a_released_models_windows_are_filled_with_clips_unless_told_otherwise(
    window: str, frames: int, is_fitted: bool, mode: str
) -> None:
    assert recipe(window=window).mode(frames, is_fitted) == mode


@pytest.mark.parametrize(
    ("share", "mode", "whole"),
    [("auto", "fit", 0.15), ("auto", "pack", 0.1), ("auto", "full", 0.0), (0.3, "pack", 0.3), (0.3, "full", 0.0)],
)
def test_fewer_clips_are_alone_in_a_whole_window_where_all_windows_are_whole_unless_told_otherwise(
    share: float | str, mode: Mode, whole: float
) -> None:
    assert recipe(full_window_share=share).whole_share(mode) == whole


@pytest.mark.parametrize(
    ("epochs", "clips", "passes"),
    [("auto", 928, 5), ("auto", 929, 3), ("auto", 90_000, 3), ("auto", 1, 5), (4, 929, 4), (4, 1, 4)],
)
def test_three_epochs_are_enough_where_they_make_many_steps(epochs: int | str, clips: int, passes: int) -> None:
    assert recipe(epochs=epochs, effective_batch=32).passes(clips) == passes


@pytest.mark.parametrize(
    ("window", "mode", "share", "told"),
    [
        (
            "auto",
            "pack",
            0.1,
            "pack, as the base model knows whole windows alone; 10 % of the clips get a whole one to themselves",
        ),
        ("fit", "fit", 0.15, "fit; 15 % of the clips get a whole one"),
        ("full", "full", 0.0, "full"),
    ],
)
def test_the_log_tells_which_windows_clips_get_and_why(window: str, mode: Mode, share: float, told: str) -> None:
    assert windows_told(recipe(window=window, full_window_share=share), mode) == f"the window is {told}"


@pytest.mark.parametrize(("width", "rate"), [(384, 3.75e-5), (512, 2.5e-5), (768, 1.25e-5), (1024, 6.25e-6), (1280, 4.375e-6)])
def test_the_automatic_rate_falls_with_the_models_width(width: int, rate: float) -> None:
    assert learning_rate(recipe(learning_rate="auto"), width) == pytest.approx(rate)


def test_the_automatic_rate_of_a_width_between() -> None:
    assert 1.25e-5 < rate_by_width(640) < 2.5e-5
    assert rate_by_width(2048) == pytest.approx(4.375e-6)


def test_the_automatic_rate_of_lora_is_ten_times_higher() -> None:
    assert learning_rate(recipe(learning_rate="auto", lora_rank=8), 768) == pytest.approx(1.25e-4)


def test_a_rate_that_is_named_wins() -> None:
    assert learning_rate(recipe(learning_rate=0.3, lora_rank=8), 768) == 0.3


@pytest.mark.parametrize(
    ("seconds", "is_fitted", "least", "window", "frames"),
    [
        ("auto", False, 0, 3000, 1000),
        ("auto", True, 0, 3000, 0),
        ("auto", True, 640, 3000, 640),
        ("auto", False, 0, 800, 0),
        (2.5, False, 0, 3000, 250),
        (0, True, 640, 3000, 0),
    ],
    ids=["released", "trained in fitted windows", "and in none under 6.4 s", "of a short window", "as told", "none, as told"],
)
def test_the_shortest_window_is_one_that_the_base_model_hears_in(
    seconds: float | str, is_fitted: bool, least: int, window: int, frames: int
) -> None:
    assert recipe(least_window=seconds).least_frames(is_fitted, least, window) == frames
