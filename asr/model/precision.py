"""Precision: computing in a number format while the weights stay in float32, alike for validation and scoring."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn

from asr.machine.device import DTYPES, Precision


def autocast(device: str, precision: Precision) -> AbstractContextManager[Any]:
    """The context in which torch computes in this format what it can; in fp32 nothing changes."""
    return torch.autocast(device, DTYPES[precision], enabled=precision != "fp32")


@contextmanager
def hearing_in(model: nn.Module, precision: Precision) -> Iterator[None]:
    """Let a model in float32, on its device and in evaluation mode, hear in this format: as it is validated, it is scored."""
    device = next(model.parameters()).device.type
    with autocast(device, precision), cast_once(model):
        yield


@contextmanager
def cast_once(model: nn.Module) -> Iterator[None]:
    """Have autocast keep its casts of all weights, where nothing is learned: it keeps those alone that require gradients, and
    would cast weights that LoRA left frozen again for each token.
    """
    frozen = [parameter.requires_grad_() for parameter in model.parameters() if not parameter.requires_grad]
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
