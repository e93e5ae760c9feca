"""Decoding: from log-mel features to hypotheses, by generation."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from transformers import WhisperForConditionalGeneration, WhisperTokenizer

from asr.logmel import LogMel, pad_frames
from asr.progress import track
from asr.window import encoder_window, fitted, whole_window


def transcribe(
    model: WhisperForConditionalGeneration,
    tokenizer: WhisperTokenizer,
    features: Sequence[LogMel],
    batch_size: int,
    max_new_tokens: int,
    num_beams: int,
    fit: bool = False,
) -> list[str]:
    """What the model hears in each clip, in the order given.

    Every clip is padded to the model's whole window, as other software does, or to a window of its own. Clips of similar
    length share a batch, so that a batch ends when its own longest transcript does.

    Args:
        model: in evaluation mode on its device; its generation configuration holds language and task.
        tokenizer: the model's own.
        features: per clip, shape (frames, mels), unpadded.
        batch_size: clips decoded at once.
        max_new_tokens: where a transcript is cut off; lowered to what the model's positions allow.
        num_beams: 1 is greedy.
        fit: hear each clip in a window of its own length; for models that were trained so.
    """
    whole = whole_window(model)
    windows = [fitted(len(clip), whole) if fit else whole for clip in features]
    order = sorted(range(len(features)), key=lambda index: len(features[index]), reverse=True)
    alike = [list(group) for _, group in groupby(order, key=lambda index: windows[index])]
    batches = [group[start : start + batch_size] for group in alike for start in range(0, len(group), batch_size)]
    # The prompt takes up to four of the decoder's positions.
    budget = min(max_new_tokens, model.config.max_target_positions - 4)
    hypotheses = [""] * len(order)
    for batch in track(batches, total=len(batches), what="transcribe", unit="batch"):
        window = windows[batch[0]]
        padded = np.stack([pad_frames(features[index], window).T for index in batch])
        inputs = torch.from_numpy(padded).to(device=model.device, dtype=model.dtype)
        with torch.inference_mode(), encoder_window(model, window):
            tokens = model.generate(inputs, max_new_tokens=budget, num_beams=num_beams)
        for index, text in zip(batch, tokenizer.batch_decode(tokens, skip_special_tokens=True), strict=True):
            hypotheses[index] = text.strip()
    return hypotheses
