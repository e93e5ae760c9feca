"""What the time of a training should follow from: kernels launched and operations done, by the micro-batch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from asr.model.whisper import Whisper
from asr.model.window import encoder_window
from asr.training.batch import Examples
from asr.training.plan import Step
from bench.shapes import random_whisper, training_flops


class Kernels(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that compute something: all but views."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        aliases = [returned.alias_info for returned in func._schema.returns]
        self.count += all(alias is None or alias.is_write for alias in aliases)
        return func(*args, **(kwargs or {}))


def launches(shape: str) -> int:
    """Count the kernels of a micro-batch, forward and backward, which adds to gradients that are there. Nothing is computed.

    It is in 32 bits: in 16 there are casts besides, and attention in fewer kernels (tiny on a CPU: 938 against these 967).
    """
    with torch.device("meta"):
        model = random_whisper(shape).model
        frames, tokens = torch.zeros(2, model.config.num_mel_bins, 400), torch.zeros(2, 16, dtype=torch.long)
        for _ in range(2):
            with Kernels() as kernels, encoder_window(model, frames.shape[-1]):
                logits = model(frames, decoder_input_ids=tokens).logits
                loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten())
                loss.backward()  # type: ignore[no-untyped-call]
    return int(kernels.count)


def pass_flops(whisper: Whisper, clips: Examples, steps: Sequence[Step], rows_at_once: int) -> list[float]:
    """Each micro-batch's operations, when so many rows of the whole window fit at once."""
    found = []
    for step in steps:
        for window in {slot.window: None for slot in step}:
            slots = [slot for slot in step if slot.window == window]
            tokens = sum(len(clips.labels[clip]) for slot in slots for clip in slot.clips)
            flops = len(slots) * training_flops(whisper, window, tokens // len(slots))
            passes = -(-len(slots) * window // (rows_at_once * whisper.window_frames))
            found += [flops / passes] * passes
    return found
