"""Decoding: from log-mel features to hypotheses, by generation."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from transformers import StoppingCriteriaList, WhisperForConditionalGeneration

from asr.base.errors import DataError
from asr.base.progress import track
from asr.machine.device import is_out_of_memory
from asr.model.limits import ANY_PACE, Limit, Pace, ends_in_loop
from asr.model.parameters import Decode
from asr.model.stopping import AtLimit
from asr.model.suppression import non_speech_tokens
from asr.model.whisper import Whisper
from asr.model.window import encoder_window, padded
from asr.shards.frames import FRAMES_PER_SECOND, LogMel

PROMPT_TOKENS = 4
"""At most, of the decoder's positions."""

FRAMES_AT_ONCE = {"cuda": 768_000, "mps": 48_000, "cpu": 48_000}
"""256 whole windows of 30 s on a GPU, 16 elsewhere, to begin with: what does not fit is halved."""


@dataclass(frozen=True)
class Hypothesis:
    """The text as the model wrote it, whether it had more to say when it reached the limit of tokens, and whether it was ended
    because it went round in a loop; the text has of the loop what was written.
    """

    text: str
    is_cut_off: bool
    has_loop: bool = False


def transcribe(
    whisper: Whisper,
    clips: Sequence[LogMel],
    decode: Decode,
    languages: Sequence[str | None] = (),
    frames_at_once: int | None = None,
    pace: Pace = ANY_PACE,
) -> list[Hypothesis]:
    """Transcribe each clip, in the order given.

    Every clip is padded to the model's whole window, as other software does, or to a window of its own length if the model was
    trained so. Clips of one language and of similar length share a batch, so that a batch ends when its own longest transcript
    does; one that goes on for longer than its clip can hold, or in a loop, is ended (see asr/model/limits.py).

    Args:
        whisper: the model in evaluation mode on its device; its generation configuration holds language and task.
        clips: shape (frames, mels) each, unpadded.
        decode: the options; `max_new_tokens` is lowered to what the model's positions and the clip's length allow.
        languages: what the model is told of each clip (see `languages_of`); None, or none at all: what it is set to.
        frames_at_once: in a batch to begin with, where the options leave its size open; None: FRAMES_AT_ONCE.
        pace: of the fastest transcripts.

    Raises:
        DataError: when a single clip is too much for the memory.
    """
    model, whole = whisper.model, whisper.window_frames
    fit = hears_fitted(whisper, decode)
    windows = [whisper.window_of(len(clip)) if fit else whole for clip in clips]
    kinds = [Kind(*each) for each in zip(windows, languages or [None] * len(clips), strict=True)]
    budget = min(decode.max_new_tokens, model.config.max_target_positions - PROMPT_TOKENS)
    limits = [pace.limit(len(clip) / FRAMES_PER_SECOND, budget) for clip in clips]
    # By the same rule for every model: the list of the checkpoint's own is of what it was before tuning.
    suppressed = non_speech_tokens(whisper.tokenizer) if decode.suppress == "non_speech" else []
    options = {"suppress_tokens": suppressed, **decode.options}
    heard: dict[int, Hypothesis] = {}
    for positions, tokens in track(
        _decoded(model, clips, kinds, limits, decode.batch_size, frames_at_once or FRAMES_AT_ONCE[model.device.type], options),
        total=len(clips),
        what="transcribe",
        size=lambda batch: len(batch[0]),
    ):
        texts = whisper.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        for position, text, row in zip(positions, texts, tokens.tolist(), strict=True):
            heard[position] = _hypothesis(text, row, limits[position], model.generation_config.pad_token_id)
    return [heard[position] for position in range(len(clips))]


def _hypothesis(text: str, row: list[int], limit: Limit, padding: int) -> Hypothesis:
    """What became of a row of tokens, in which neither prompt nor end are; one that is shorter than others is padded."""
    while row and row[-1] == padding:
        row.pop()
    has_loop = ends_in_loop(row, limit.loop)
    return Hypothesis(text.strip(), is_cut_off=len(row) >= limit.tokens and not has_loop, has_loop=has_loop)


def hears_fitted(whisper: Whisper, decode: Decode) -> bool:
    """Whether each clip is decoded in a window of its own length."""
    return decode.window == "auto" and whisper.is_fitted


class Kind(NamedTuple):
    """What the clips of a batch have in common: the window that they are padded to, and the language that the model is told."""

    window: int
    language: str | None


def _decoded(
    model: WhisperForConditionalGeneration,
    clips: Sequence[LogMel],
    kinds: Sequence[Kind],
    limits: Sequence[Limit],
    batch_size: int | Literal["auto"],
    frames: int,
    options: dict[str, Any],
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Batches of clips, by their positions, with their tokens; the widest windows first, since those show what fits."""
    waiting = sorted(range(len(clips)), key=lambda clip: (-kinds[clip].window, kinds[clip].language or "", -len(clips[clip])))
    frames //= options.get("num_beams", 1)
    while waiting:
        kind = kinds[waiting[0]]
        window, told = kind.window, {"language": kind.language} if kind.language else {}
        most = max(1, frames // window) if batch_size == "auto" else batch_size
        batch = [clip for clip in waiting[:most] if kinds[clip] == kind]
        tokens = _generated(model, [clips[clip] for clip in batch], [limits[clip] for clip in batch], window, options | told)
        if tokens is None:
            if len(batch) == 1:
                raise DataError("decode: one clip at a time is too much for this device; lower decode.num_beams")
            torch.cuda.empty_cache()  # only now, as the error held on to the tensors
            batch_size, frames = "auto", len(batch) // 2 * window
            print(f"transcribe: {len(batch)} clips don't fit into memory, on with {len(batch) // 2}", file=sys.stderr)
            continue
        yield batch, tokens
        del waiting[: len(batch)]


def _generated(
    model: WhisperForConditionalGeneration,
    clips: Sequence[LogMel],
    limits: Sequence[Limit],
    window: int,
    options: dict[str, Any],
) -> torch.Tensor | None:
    """Tokens of shape (clips, tokens); None when memory has run out."""
    frames, lengths = torch.from_numpy(np.concatenate(clips)), torch.tensor([len(clip) for clip in clips])
    starts = lengths.cumsum(0) - lengths
    device = model.device
    at_limit = AtLimit(limits, device)
    most = max(limit.tokens for limit in limits)
    try:
        # Padded on the device: on the host, 256 clips of 128 mels take a quarter of a second.
        inputs = padded(frames.to(device), starts.to(device), lengths.to(device), window).to(model.dtype)
        # Not inference_mode, in which autocast would cast every weight again for every token (see hearing_in).
        with torch.no_grad(), encoder_window(model, window):
            tokens: torch.Tensor = model.generate(
                inputs, max_new_tokens=most, stopping_criteria=StoppingCriteriaList([at_limit]), **options
            )
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None
    return tokens
