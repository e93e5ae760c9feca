"""Learning rates: by the model's width, for LoRA higher, unless one is named."""

import pytest

from asr.training.recipe import learning_rate, rate_by_width
from tests.recipes import recipe


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
