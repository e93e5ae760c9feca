"""Decoding: from log-mel features to hypotheses, by generation."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from transformers import WhisperForConditionalGeneration, WhisperTokenizer

from asr.base.errors import DataError
from asr.base.progress import track
from asr.model.window import encoder_window, fitted, whole_window
from asr.shards.frames import LogMel, pad_frames

PROMPT_TOKENS = 4
"""At most, of the decoder's positions."""

FRAMES_AT_ONCE = {"cuda": 768_000, "mps": 48_000, "cpu": 48_000}
"""256 whole windows of 30 s on a GPU, 16 elsewhere, to begin with: what does not fit is halved."""


@dataclass(frozen=True)
class Hypothesis:
    """The text as the model wrote it, and whether it had more to say when it reached the limit of tokens."""

    text: str
    is_cut_off: bool


def transcribe(
    model: WhisperForConditionalGeneration,
    tokenizer: WhisperTokenizer,
    features: Sequence[LogMel],
    fit: bool,
    batch_size: int | Literal["auto"],
    max_new_tokens: int,
    **options: Any,
) -> list[Hypothesis]:
    """What the model hears in each clip, in the order given.

    Every clip is padded to the model's whole window, as other software does, or to a window of its own. Clips of similar
    length share a batch, so that a batch ends when its own longest transcript does.

    Args:
        model: in evaluation mode on its device; its generation configuration holds language and task.
        tokenizer: the model's own.
        features: per clip, shape (frames, mels), unpadded.
        fit: hear each clip in a window of its own length; for models that were trained so.
        batch_size: clips decoded at once; auto: what fits.
        max_new_tokens: where a transcript is cut off; lowered to what the model's positions allow.
        options: further arguments of the model's `generate`; greedy without any.

    Raises:
        DataError: when a single clip is too much for the memory.
    """
    whole = whole_window(model)
    windows = [fitted(len(clip), whole) if fit else whole for clip in features]
    budget = min(max_new_tokens, model.config.max_target_positions - PROMPT_TOKENS)
    heard: dict[int, Hypothesis] = {}
    for clips, tokens in track(
        _decoded(model, features, windows, batch_size, {"max_new_tokens": budget, **options}),
        total=len(features),
        what="transcribe",
        size=lambda batch: len(batch[0]),
    ):
        # Neither prompt nor end are among them, and shorter rows are padded.
        cut_off = (tokens[:, budget - 1 :] != model.generation_config.pad_token_id).any(dim=1).tolist()
        for clip, text, is_cut_off in zip(
            clips, tokenizer.batch_decode(tokens, skip_special_tokens=True), cut_off, strict=True
        ):
            heard[clip] = Hypothesis(text.strip(), is_cut_off)
    return [heard[clip] for clip in range(len(features))]


def _decoded(
    model: WhisperForConditionalGeneration,
    features: Sequence[LogMel],
    windows: Sequence[int],
    batch_size: int | Literal["auto"],
    options: dict[str, Any],
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Batches of clips with their tokens, the longest clips first, since those show what fits."""
    waiting = sorted(range(len(features)), key=lambda clip: len(features[clip]), reverse=True)
    frames = FRAMES_AT_ONCE[model.device.type] // options.get("num_beams", 1)
    while waiting:
        window = windows[waiting[0]]
        most = max(1, frames // window) if batch_size == "auto" else batch_size
        clips = [clip for clip in waiting[:most] if windows[clip] == window]
        padded = np.stack([pad_frames(features[clip], window).T for clip in clips])
        tokens = _generated(model, padded, window, options)
        if tokens is None:
            if len(clips) == 1:
                raise DataError("decode: one clip at a time is too much for this device; lower decode.num_beams")
            torch.cuda.empty_cache()  # only now, as the error held on to the tensors
            batch_size, frames = "auto", len(clips) // 2 * window
            print(f"transcribe: {len(clips)} clips don't fit into memory, on with {len(clips) // 2}", file=sys.stderr)
            continue
        yield clips, tokens
        del waiting[: len(clips)]


def _generated(
    model: WhisperForConditionalGeneration, padded: "np.ndarray[Any, Any]", window: int, options: dict[str, Any]
) -> torch.Tensor | None:
    """Tokens of shape (clips, tokens); None when memory has run out."""
    try:
        inputs = torch.from_numpy(padded).to(device=model.device, dtype=model.dtype)
        with torch.inference_mode(), encoder_window(model, window):
            tokens: torch.Tensor = model.generate(inputs, **options)
    except torch.OutOfMemoryError:
        return None
    return tokens
