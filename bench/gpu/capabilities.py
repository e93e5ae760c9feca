"""What a machine can do with the project: one function a row of `bench.gpu`. Each raises what goes wrong."""

import contextlib
import gc
import io
import math
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import torch
import transformers
from torch import Tensor

from asr.machine.device import DTYPES, Precision, pick_device, pick_precision
from asr.model.parameters import greedy
from asr.model.precision import hearing_in
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.run import Trained
from asr.training.trainer import StepTrainer
from bench.gpu.material import Conversions, examples, frames, has_gpu, little_memory, model, settings
from bench.gpu.plan import Found
from bench.own_trainer import timed
from bench.sizes import SHAPES

GIB = 2**30
NEEDS_A_GPU = Found("-", "needs a GPU", {})

BATCH, STEPS, STEPS_ON_CPU, LONGEST = 4, 6, 2, 2.0
"""Clips to a step, steps, and seconds of a clip at most: enough to see it work."""

SCALED_STEPS = 12

WINDOWS_AT_ONCE, ROOM_TO_TRAIN = 64, 3 * GIB
"""So many whole windows take three times the room, on the tiny shape."""

DECODED_AT_ONCE, ROOM_TO_DECODE = 1024, GIB // 2


def device(shape: str, option: str) -> Found:
    """What it is, and what it is asked by."""
    name = torch.cuda.get_device_name() if has_gpu() else "CPU"
    memory = torch.cuda.get_device_properties(0).total_memory if has_gpu() else None
    automatic = pick_precision(pick_device(), SHAPES[shape].width)
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    room = f", {memory / GIB:.1f} GiB" if memory else ""
    found = {"name": name, "bytes": memory, "precision": automatic, "cuda": torch.version.cuda}
    return Found("yes", f"{name}{room}, precision auto is {automatic}, {versions}", found)


def fp32(shape: str, option: str) -> Found:
    return _precision(shape, "fp32")


def bf16(shape: str, option: str) -> Found:
    return _precision(shape, "bf16")


def fp16(shape: str, option: str) -> Found:
    return _precision(shape, "fp16") if has_gpu() else NEEDS_A_GPU


def _precision(shape: str, precision: Precision) -> Found:
    """Trains and decodes in it."""
    whisper = model(shape)
    losses = _losses(_trained(whisper, precision=precision))
    whisper.model.to(pick_device()).eval()
    whisper.mark_fitted(True)  # as it was trained
    whisper.model.generation_config.min_new_tokens = 8
    clips = frames(whisper, [FRAMES_PER_SECOND] * 2)
    with hearing_in(whisper.model, precision):
        heard = transcribe(whisper, clips, greedy(8))
    _require(len(heard) == len(clips), "a hypothesis is missing")
    return Found("yes", f"trains, {_fall(losses)}; decodes", {"losses": losses})


def fp16_scaler(shape: str, option: str) -> Found:
    """Its scale at each step: it scales, and after the steps that it leaves out, some are taken."""
    if not has_gpu():
        return NEEDS_A_GPU
    scales = list[float]()
    step = StepTrainer.training_step

    def listed(trainer: StepTrainer, *args: Any, **kwargs: Any) -> Tensor:
        scales.append(trainer.accelerator.scaler.get_scale())
        return step(trainer, *args, **kwargs)

    with patch.object(StepTrainer, "training_step", listed):
        losses = _losses(_trained(model(shape), precision="fp16", clips=SCALED_STEPS * BATCH))
    left_out = sum(later < earlier for earlier, later in pairwise(scales))
    _require(scales[0] > 1, "it does not scale")
    _require(left_out < len(scales) // 2, f"{left_out} of {len(scales)} steps were left out")
    said = f"scale {scales[0]:.0f} to {scales[-1]:.0f}, {left_out} of {len(scales)} steps left out, {_fall(losses)}"
    return Found("yes", said, {"scales": scales, "losses": losses})


def training_halves(shape: str, option: str) -> Found:
    """Too many rows at once, in what other tensors leave of the memory."""
    if not has_gpu():
        return NEEDS_A_GPU
    whisper = model(shape)
    many: dict[str, Any] = {"effective_batch": WINDOWS_AT_ONCE, "window": "full", "clips": WINDOWS_AT_ONCE}
    _trained(whisper, **many, batch_size=1)  # what CUDA takes besides is taken now
    with little_memory(ROOM_TO_TRAIN):
        trained = _trained(whisper, **many, batch_size=WINDOWS_AT_ONCE)
    _require(trained.halvings > 0, "memory did not run out")
    said = f"{WINDOWS_AT_ONCE} rows at once became {trained.rows_at_once}, {_fall(_losses(trained))}"
    return Found("yes", said, {"halvings": trained.halvings, "rows_at_once": trained.rows_at_once})


def decoding_halves(shape: str, option: str) -> Found:
    """The same, of hypotheses."""
    if not has_gpu():
        return NEEDS_A_GPU
    whisper = _ready(model(shape))
    clips = frames(whisper, [FRAMES_PER_SECOND]) * DECODED_AT_ONCE
    transcribe(whisper, clips[:1], greedy(4))
    with little_memory(ROOM_TO_DECODE), contextlib.redirect_stderr(io.StringIO()) as said:
        heard = transcribe(whisper, clips, greedy(4, DECODED_AT_ONCE))
    halvings = said.getvalue().count("don't fit")
    _require(halvings > 0, "memory did not run out")
    _require(len(heard) == len(clips), "a hypothesis is missing")
    return Found("yes", f"halved {halvings} times, every clip heard", {"halvings": halvings})


def decoding_windows(shape: str, option: str) -> Found:
    """Clips of several lengths, in whole windows and in fitted ones."""
    whisper = _ready(model(shape))
    clips = frames(whisper, [100, 250, 400])
    for fit in (False, True):
        whisper.mark_fitted(fit)
        heard = transcribe(whisper, clips, greedy(8))
        _require(len(heard) == len(clips), "a hypothesis is missing")
    return Found("yes", "whole and fitted", {})


def weight_cache(shape: str, option: str) -> Found:
    """Under autocast, as validation decodes, each weight is converted once, however many tokens follow."""
    whisper = model(shape)
    whisper.model.to(pick_device()).eval()
    few, many = _conversions(whisper, 2), _conversions(whisper, 10)
    _require(many > 0, "no weight is converted")
    _require(few == many, f"{few} conversions of weights for 2 tokens, {many} for 10")
    return Found("yes", f"{many} conversions of weights, for 2 tokens as for 10", {"conversions": many})


def activation_checkpointing(shape: str, option: str) -> Found:
    """What it saves of the peak."""
    losses, peaks = list[list[float]](), list[int]()
    for checkpointing in (False, True) if has_gpu() else (True,):
        whisper = model(shape)
        gc.collect()  # else what is left of the one before counts
        if has_gpu():
            torch.cuda.reset_peak_memory_stats()
        many: dict[str, Any] = {"effective_batch": 16, "batch_size": 16, "clips": 32, "window": "full"} if has_gpu() else {}
        losses.append(_losses(_trained(whisper, activation_checkpointing=checkpointing, **many)))
        peaks.append(torch.cuda.max_memory_allocated() if has_gpu() else 0)
        del whisper
    memory = f"peak {peaks[0] / GIB:.2f} GiB without, {peaks[-1] / GIB:.2f} with" if has_gpu() else "its memory needs a GPU"
    _require(peaks[-1] < peaks[0] or not has_gpu(), memory)
    return Found("yes", f"{_fall(losses[-1])}; {memory}", {"peak_bytes": peaks, "losses": losses})


def lora(shape: str, option: str) -> Found:
    """Matrices beside the weights, merged at the end."""
    whisper = model(shape)
    before = {name: weight.detach().clone() for name, weight in whisper.model.named_parameters()}
    losses = _losses(_trained(whisper, lora_rank=8, lora_alpha=16))
    after = dict(whisper.model.named_parameters())
    _require(before.keys() == after.keys(), "the model is not the ordinary one again")
    changed = sum(not torch.equal(before[name].cpu(), after[name].detach().cpu()) for name in before)
    _require(changed > 0, "nothing was learned")
    return Found("yes", f"{_fall(losses)}; merged into {changed} matrices", {"losses": losses, "changed": changed})


def adamw_8bit(shape: str, option: str) -> Found:
    if find_spec("bitsandbytes") is None:
        return Found("-", "bitsandbytes is not installed", {})
    if not has_gpu():
        return NEEDS_A_GPU
    losses = _losses(_trained(model(shape), optimizer="adamw_8bit"))
    return Found("yes", _fall(losses), {"losses": losses})


def torch_compile(shape: str, option: str) -> Found:
    """On a GPU only: a CPU takes minutes to compile."""
    if not has_gpu():
        return NEEDS_A_GPU
    losses = _losses(_trained(model(shape), torch_compile=True, window="full"))
    return Found("yes", _fall(losses), {"losses": losses})


def _trained(whisper: Whisper, clips: int | None = None, **changes: Any) -> Trained:
    clips = clips or BATCH * (STEPS if has_gpu() else STEPS_ON_CPU)
    recipe = settings(**{"effective_batch": BATCH, "batch_size": BATCH, "full_window_share": 0.0, **changes})
    return timed(whisper, examples(whisper, clips, LONGEST), recipe)[0]


def _losses(trained: Trained) -> list[float]:
    losses = [entry["loss"] for entry in trained.log_history if "loss" in entry]
    _require(bool(losses) and all(math.isfinite(loss) for loss in losses), f"losses {losses}")
    return losses


def _fall(losses: Sequence[float]) -> str:
    return f"loss {losses[0]:.2f} to {losses[-1]:.2f}" if len(losses) > 1 else f"loss {losses[0]:.2f}"


def _ready(whisper: Whisper) -> Whisper:
    precision = pick_precision(pick_device(), whisper.model.config.d_model)
    whisper.model.to(device=pick_device(), dtype=DTYPES[precision]).eval()
    return whisper


def _conversions(whisper: Whisper, tokens: int) -> int:
    whisper.model.generation_config.min_new_tokens = tokens
    conversions = Conversions()
    with torch.autocast(pick_device(), torch.bfloat16), conversions:
        transcribe(whisper, frames(whisper, [FRAMES_PER_SECOND]), greedy(tokens))
    return conversions.count


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
