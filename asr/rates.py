"""Learning rates: one for each size of model, unless params.yaml names its own."""

import math

import numpy as np

from asr.recipe import Train

RATE_BY_WIDTH = {128: 1e-3, 384: 3.75e-5, 512: 2.5e-5, 768: 1.25e-5, 1024: 6.25e-6, 1280: 4.375e-6}
"""Learning rate by `d_model`. From 384 (tiny) to 1280 (large): a fortieth of the peak rate of pretraining (table 17 of
arXiv:2212.04356), the advice of Hugging Face's Whisper fine-tuning event. 128 is the bundled model, tried on the sample."""

LORA_FACTOR = 10
"""LoRA's best rate over that of full tuning (Schulman and Thinking Machines Lab, LoRA Without Regret, 2025)."""


def learning_rate(settings: Train, width: int) -> float:
    """The peak rate for a model of `width` (its `d_model`)."""
    if settings.learning_rate != "auto":
        return settings.learning_rate
    return (LORA_FACTOR if settings.lora_rank else 1) * rate_by_width(width)


def rate_by_width(width: int) -> float:
    """From RATE_BY_WIDTH, between its entries along a power law."""
    widths, rates = zip(*sorted(RATE_BY_WIDTH.items()), strict=True)
    rate = math.exp(np.interp(math.log(width), np.log(widths), np.log(rates)))
    return float(f"{rate:.6g}")
