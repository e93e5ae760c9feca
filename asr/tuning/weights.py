"""Weights: those of a model and of a run's epochs, their mean, and what lies between two models.

Nothing of this costs anything when the model is used: what comes out is one ordinary set of weights.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from asr.base.errors import DataError
from asr.model.checksums import SUMS, damaged_file

Weights = Mapping[str, Tensor]
"""By their names in the model, in float32 on the CPU."""

LORA_PREFIX, LORA_A, LORA_B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""How peft names LoRA's matrices in its file."""


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of a model's weights."""
    return {name: value.detach().to("cpu", copy=True) for name, value in model.named_parameters()}


def take(model: nn.Module, weights: Weights) -> None:
    """Give a model these weights, in place."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(weights[name])


def between(tuned: Weights, base: Weights, share: float) -> dict[str, Tensor]:
    """The weights on the straight line between two models: `share` of the base's, and the rest of the tuned one's."""
    return {name: torch.lerp(value, base[name], share) for name, value in tuned.items()}


def mean_of(epochs: Sequence[Path], base: Weights, lora_scale: float) -> dict[str, Tensor]:
    """The mean of the weights that some epochs ended with.

    Args:
        epochs: the folder of each, with its weights, or LoRA's matrices, and their sums.
        base: the weights that training began with: those that it did not train are in no file.
        lora_scale: what LoRA's product is multiplied by (alpha over rank).

    Raises:
        DataError: when a file is not as it was written.
    """
    total = {name: torch.zeros_like(value) for name, value in base.items()}
    for epoch in epochs:
        if damaged_file(epoch) or not (epoch / SUMS).exists():
            raise DataError(f"{epoch}: the weights of this epoch are damaged; remove {epoch.parent.parent} to train anew")
        saved = {name: value for path in sorted(epoch.glob("*.safetensors")) for name, value in load_file(path).items()}
        for name, value in total.items():
            value += _full(name, saved, base, lora_scale) / len(epochs)
    return total


def _full(name: str, saved: Weights, base: Weights, lora_scale: float) -> Tensor:
    beside = f"{LORA_PREFIX}{name.removesuffix('.weight')}"
    if beside + LORA_A in saved:
        return base[name] + lora_scale * (saved[beside + LORA_B] @ saved[beside + LORA_A])
    return saved.get(name, base[name]).float()
