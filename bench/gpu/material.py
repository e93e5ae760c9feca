"""What the parts of `bench.gpu` work on: random models, random frames, the settings of params.yaml, and ways to look."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import logging

from asr.machine.device import pick_device
from asr.model.whisper import Whisper
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import Examples
from asr.training.recipe import Train
from bench.settings import stage_settings
from bench.shapes import random_whisper

SECONDS = (1.0, 8.0)
"""Of a clip, from and to: the sample's."""

TOKENS_PER_SECOND = 3
TOKENS = 256
"""That labels are drawn from: few, so that a loss falls soon."""


def model(shape: str) -> Whisper:
    """A random model, made on the device: the largest takes half a minute to draw on a CPU."""
    logging.set_verbosity_error()
    with torch.device(pick_device()):
        return random_whisper(shape)


def examples(whisper: Whisper, clips: int, longest: float = SECONDS[1]) -> Examples:
    """Clips of random frames and random labels, of random lengths up to `longest` seconds."""
    random = np.random.default_rng(0)
    lengths = [int(FRAMES_PER_SECOND * seconds) for seconds in random.uniform(SECONDS[0], longest, clips)]
    *prompt, end = whisper.tokenizer("").input_ids
    labels = [
        [*prompt, *random.integers(TOKENS, size=1 + TOKENS_PER_SECOND * length // FRAMES_PER_SECOND).tolist(), end]
        for length in lengths
    ]
    return Examples(frames(whisper, lengths), labels, [None] * len(labels))


def frames(whisper: Whisper, lengths: Sequence[int]) -> list[NDArray[np.float16]]:
    """Random frames in the range of stored ones."""
    random, mels = np.random.default_rng(0), whisper.model.config.num_mel_bins
    return [random.normal(size=(length, mels)).astype(np.float16) for length in lengths]


def settings(**changes: Any) -> Train:
    """Of params.yaml, for one epoch at a constant rate at which a random model learns at once."""
    plain = {"epochs": 1, "learning_rate": 1e-3, "warmup_share": 0.0, "schedule": "constant_with_warmup", "window": "fit"}
    return stage_settings(**{**plain, **changes})


def has_gpu() -> bool:
    """Whether there is one that torch knows by its memory."""
    return torch.cuda.is_available()


@contextmanager
def little_memory(left: int) -> Iterator[None]:
    """Take all of the GPU's memory but so many bytes."""
    torch.cuda.empty_cache()
    taken = torch.empty(max(0, torch.cuda.mem_get_info()[0] - left), dtype=torch.uint8, device="cuda")
    yield
    del taken


class Conversions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts how often a weight is copied into another format."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Of every operation."""
        self.count += int(operation is torch.ops.aten._to_copy.default and isinstance(args[0], nn.Parameter))
        return operation(*args, **(kwargs or {}))
