"""The encoder's window: how many frames Whisper's encoder takes at once.

transformers insists on the model's whole window, 3000 frames (30 s), however short the clip: the position table is added in
full. The positions are sinusoids in order, so a shorter input can do with the first of them. OpenAI's own code would allow
it, and so do whisper.cpp's `audio_ctx` and its users (https://github.com/futo-org/whisper-acft).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor
from transformers import WhisperForConditionalGeneration

from asr.model.description import FRAMES_PER_POSITION

ALIGNMENT = 16
"""Every window but the whole one is a multiple of so many frames: 8 positions, the unit in which GPUs multiply at speed."""

RATIO = 1.25
"""Between one window and the next wider: a clip is padded by less than a quarter (or ALIGNMENT). Finer windows would have fewer
clips each, and what a micro-batch costs whatever is in it would weigh more (tiny, 2 cores: 0.1 s)."""


def whole_window(model: WhisperForConditionalGeneration) -> int:
    """The number of frames that the model was made for: 3000 for the released ones."""
    return FRAMES_PER_POSITION * len(model.model.encoder.embed_positions.weight)


def fitted(frames: int, whole: int, least: int = 0) -> int:
    """The window for a clip of `frames` frames: the narrowest of a fixed row of windows, from `least` up to the `whole` one.

    As it depends on nothing but the clip, so does what the model makes of it, whatever shares its batch.
    """
    return next((window for window in _windows(whole) if window >= max(frames, least)), whole)


@cache
def _windows(whole: int) -> list[int]:
    windows = [ALIGNMENT]
    while windows[-1] < whole:
        wider = max(windows[-1] + ALIGNMENT, int(RATIO * windows[-1]) // ALIGNMENT * ALIGNMENT)
        windows.append(min(wider, whole))
    return windows


def padded(frames: Tensor, starts: Tensor, lengths: Tensor, window: int) -> Tensor:
    """Gather clips that lie one behind the other into one batch, each lengthened to the window by its last frame.

    That is what Whisper's own padding would look like.

    Args:
        frames: shape (frames of all clips, mels).
        starts: of each clip, shape (clips,), on the same device.
        lengths: likewise, of at least one frame; what is longer than the window is cut off.
        window: in frames.

    Returns:
        Shape (clips, mels, window), as stored.
    """
    places = starts[:, None] + torch.minimum(torch.arange(window, device=frames.device), lengths[:, None] - 1)
    return frames[places].transpose(1, 2)


@contextmanager
def encoder_window(model: WhisperForConditionalGeneration, frames: int) -> Iterator[None]:
    """Let the encoder take inputs of `frames` frames, an even number up to the whole window, while this context lasts.

    What generates reads the same two numbers, so it works for `generate` as for a forward pass. With the whole window
    nothing changes at all.
    """
    assert frames % FRAMES_PER_POSITION == 0
    assert frames <= whole_window(model)
    positions = model.model.encoder.embed_positions
    before = model.config.max_source_positions, positions.num_embeddings
    model.config.max_source_positions = positions.num_embeddings = frames // FRAMES_PER_POSITION
    try:
        yield
    finally:
        model.config.max_source_positions, positions.num_embeddings = before
