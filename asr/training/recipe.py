"""The recipe: the parameters of training, and which of them don't go together."""

import math
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from asr.base.sections import Mix, Section
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.variety import Gain, Masks, Variety

Mode = Literal["full", "fit", "pack"]
"""`full`: every clip in the whole window; `fit`: in a window of its own length; `pack`: several clips in one whole window."""

Optimizer = Literal["adamw", "adamw_8bit"]

PRETRAINED_WINDOW = 3000
"""Frames, 30 s: that of every released Whisper."""

WHOLE_SHARES: dict[Mode, float] = {"full": 0.0, "fit": 0.15, "pack": 0.1}
"""The share of the clips alone in the whole window. Under `pack` all windows are whole ones, so fewer clips need one to
themselves: of clips of 3.6 s, 0.15 would make 17 % more windows. docs/training.md has the WER of several shares."""

MOST_EPOCHS, FEWEST_EPOCHS, ENOUGH_STEPS = 5, 3, 90
"""Epochs by `auto`: the fewer where they make so many steps, after which tiny.en's loss on a validation split fell no more: 940
clips, 30 steps an epoch. docs/training.md has the curves."""

LEAST_UNFITTED = 1000
"""Frames. Untuned, tiny.en has a WER of 56 % in whole windows on 140 recorded clips of up to 20 s, 52 % in windows of 15 s at
least, 57 % in windows of 10 s at least, and 139 % in windows of the clips' own length, in which it goes round in loops."""


class Train(Section):
    """The way the model is tuned."""

    window: Mode | Literal["auto"]
    full_window_share: Annotated[float, Field(ge=0, le=1)] | Literal["auto"]
    least_window: Annotated[float, Field(ge=0)] | Literal["auto"]
    epochs: Annotated[int, Field(ge=1)] | Literal["auto"]
    effective_batch: int = Field(ge=1)
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"]
    precision: Literal["auto", "bf16", "fp16", "fp32"]
    activation_checkpointing: bool | Literal["auto"]
    torch_compile: bool
    optimizer: Optimizer
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto", "search"]
    search_share: float = Field(gt=0, le=1)
    layer_lr_decay: float = Field(gt=0, le=1)
    warmup_share: float = Field(ge=0, lt=1)
    schedule: Literal["cosine", "linear", "constant_with_warmup"]
    weight_decay: float = Field(ge=0)
    max_gradient_norm: float = Field(gt=0)
    label_smoothing: float = Field(ge=0, lt=1)
    dropout: float = Field(ge=0, lt=1)
    gain_probability: float = Field(ge=0, le=1)
    gain_min_db: float
    gain_max_db: float
    time_masks: int = Field(ge=0)
    time_mask_frames: int = Field(ge=1)
    frequency_masks: int = Field(ge=0)
    frequency_mask_mels: int = Field(ge=1)
    freeze_encoder_layers: Annotated[int, Field(ge=0)] | Literal["all"]
    lora_rank: int = Field(ge=0)
    lora_alpha: int = Field(ge=1)
    lora_dropout: float = Field(ge=0, lt=1)
    average: int = Field(ge=1)
    keep_of_base: Annotated[float, Field(ge=0, lt=1)] | Literal["auto"]
    early_stopping_patience: int = Field(ge=1)
    keep_checkpoints: int = Field(ge=1)
    seed: int = Field(ge=0, lt=2**32)
    mix: Mix

    def mode(self, window: int, is_fitted: bool) -> Mode:
        """The window mode of a model whose window has so many frames. auto: a released model, which knows whole windows alone,
        gets them filled with clips, and any other what it knows.
        """
        if self.window != "auto":
            return self.window
        return "fit" if is_fitted or window < PRETRAINED_WINDOW else "pack"

    def whole_share(self, mode: Mode) -> float:
        """The share of the clips that have a whole window to themselves in that mode."""
        return WHOLE_SHARES[mode] if self.full_window_share == "auto" or mode == "full" else self.full_window_share

    def passes(self, clips: int) -> int:
        """The epochs, over so many clips."""
        if self.epochs != "auto":
            return self.epochs
        return FEWEST_EPOCHS if FEWEST_EPOCHS * self.steps(clips) >= ENOUGH_STEPS else MOST_EPOCHS

    def steps(self, clips: int) -> int:
        """The optimiser's steps in an epoch of so many clips."""
        return math.ceil(clips / self.effective_batch)

    def least_frames(self, is_fitted: bool, least: int, window: int) -> int:
        """The shortest window under `fit`, in frames: for a model that was trained so, that of before; for another, one in
        which it still hears.

        Args:
            is_fitted: whether the model was trained in fitted windows.
            least: the shortest of them.
            window: the model's whole one.
        """
        if self.least_window != "auto":
            return round(self.least_window * FRAMES_PER_SECOND)
        return least if is_fitted or window < PRETRAINED_WINDOW else LEAST_UNFITTED

    @property
    def variety(self) -> Variety:
        """What is drawn anew for each clip in each epoch."""
        masks = Masks(self.time_masks, self.time_mask_frames, self.frequency_masks, self.frequency_mask_mels)
        return Variety(Gain(self.gain_probability, self.gain_min_db, self.gain_max_db), masks)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.batch_size != "auto" and self.batch_size > self.effective_batch:
            raise ValueError("batch_size is larger than effective_batch; lower batch_size")
        if self.gain_min_db > self.gain_max_db:
            raise ValueError("gain_min_db is above gain_max_db; exchange them")
        if self.lora_rank and self.freeze_encoder_layers:
            raise ValueError("lora_rank trains no layer of the model itself, so freeze_encoder_layers must be 0")
        if self.lora_rank and self.layer_lr_decay != 1:
            raise ValueError("lora_rank trains no layer of the model itself, so layer_lr_decay must be 1")
        if not self.lora_rank and self.lora_dropout:
            raise ValueError("lora_dropout is set but lora_rank is 0; set lora_rank, for example to 32, or lora_dropout to 0")
        return self


RATE_BY_WIDTH = {128: 5e-4, 384: 3.75e-5, 512: 2.5e-5, 768: 1.25e-5, 1024: 6.25e-6, 1280: 4.375e-6}
"""Learning rate by `d_model`. From 384 (tiny) to 1280 (large): a fortieth of the peak rate of pretraining (table 17 of
arXiv:2212.04356), the advice of Hugging Face's Whisper fine-tuning event. 128 is the bundled model, tried on the sample."""

LORA_FACTOR = 10
"""LoRA's best rate over that of full tuning (Schulman and Thinking Machines Lab, LoRA Without Regret, 2025)."""


def learning_rate(settings: Train, width: int) -> float:
    """The peak rate for a model of `width` (its `d_model`); of a search, the rate in its middle."""
    if isinstance(settings.learning_rate, float):
        return settings.learning_rate
    return (LORA_FACTOR if settings.lora_rank else 1) * rate_by_width(width)


def rate_by_width(width: int) -> float:
    """Look up RATE_BY_WIDTH, between its entries along a power law."""
    widths, rates = zip(*sorted(RATE_BY_WIDTH.items()), strict=True)
    rate = math.exp(np.interp(math.log(width), np.log(widths), np.log(rates)))
    return float(f"{rate:.6g}")
