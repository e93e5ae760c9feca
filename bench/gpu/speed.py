"""The speed of a shape: one function a row of `bench.gpu`."""

import time
from typing import Any

import torch

from asr.machine.device import pick_device, pick_precision
from asr.model.parameters import greedy
from asr.model.precision import hearing_in
from asr.model.transcribe import transcribe
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import Examples
from asr.training.run import plan_of
from bench.article_trainer import ROWS_AT_ONCE, timed_article
from bench.clock import Clock
from bench.gpu.expected import launches, pass_flops
from bench.gpu.material import examples, frames, has_gpu, model, settings
from bench.gpu.plan import Found
from bench.own_trainer import planned_flops, timed
from bench.settings import EFFECTIVE_BATCH
from bench.shapes import training_flops

EFFECTIVE_BATCH_ON_CPU = 4
STEPS, GUIDE_STEPS, STEPS_ON_CPU = 9, 3, 2
"""The first warms up."""

DECODED, DECODED_ON_CPU = 1024, 4
DECODED_SECONDS, TOKENS = 4.0, 20
"""Of a clip, and of its hypothesis, no more and no less."""

Figures = dict[str, Any]


def guide(shape: str, option: str) -> Found:
    """Training with the guide's settings: always in the whole window."""
    whisper = model(shape)
    clips = examples(whisper, effective_batch() * (GUIDE_STEPS if has_gpu() else STEPS_ON_CPU))
    precision, clock = timed_article(whisper, clips, settings(effective_batch=effective_batch()))
    flops = sum(training_flops(whisper, whisper.window_frames, len(label)) for label in clips.labels) / len(clips)
    return Found("yes", "", {**_timed(clips, clock, flops), "precision": precision, "rows_at_once": ROWS_AT_ONCE})


def training(shape: str, window: str) -> Found:
    """Training as the train stage does it, in a window mode."""
    whisper = model(shape)
    clips = examples(whisper, effective_batch() * (STEPS if has_gpu() else STEPS_ON_CPU))
    recipe = settings(window=window, effective_batch=effective_batch())
    trained, clock = timed(whisper, clips, recipe)
    plan = plan_of(whisper, clips, recipe)
    figures = _timed(clips, clock, planned_flops(whisper, clips, plan, recipe.passes(len(clips))))
    said = "with activation checkpointing" if trained.activation_checkpointing else ""
    passes = pass_flops(whisper, clips, plan.epoch(0)[1:], trained.rows_at_once)
    found = {"rows_at_once": trained.rows_at_once, "launches": launches(shape), "pass_flops": passes}
    return Found("yes", said, {**figures, "precision": trained.precision, **found})


def decoding(shape: str, window: str) -> Found:
    """Hypotheses as the evaluate stage makes them."""
    whisper = model(shape)
    device = pick_device()
    precision = pick_precision(device, whisper.model.config.d_model)
    whisper.model.to(device).eval()
    whisper.mark_fitted(window == "fit")
    whisper.model.generation_config.min_new_tokens = TOKENS
    clips = frames(whisper, [int(FRAMES_PER_SECOND * DECODED_SECONDS)] * (DECODED if has_gpu() else DECODED_ON_CPU))
    with hearing_in(whisper.model, precision):
        transcribe(whisper, clips[: len(clips) // 4], greedy(TOKENS))
        start = time.perf_counter()
        transcribe(whisper, clips, greedy(TOKENS))
        seconds = time.perf_counter() - start
    return Found("yes", "", {"precision": precision, "clips": len(clips), "seconds": seconds, "peak_bytes": peak_bytes()})


def effective_batch() -> int:
    """Clips to a step: the guide's; fewer on a CPU, which would take minutes for them."""
    return EFFECTIVE_BATCH if has_gpu() else EFFECTIVE_BATCH_ON_CPU


def peak_bytes() -> int | None:
    """Of the GPU's memory that were taken at most."""
    return torch.cuda.max_memory_allocated() if has_gpu() else None


def _timed(clips: Examples, clock: Clock, flops_per_clip: float) -> Figures:
    """Of all steps but the first."""
    return {
        "clips": len(clips) - effective_batch(),
        "seconds": clock.seconds,
        "waited": clock.waited,
        "flops_per_clip": flops_per_clip,
        "peak_bytes": peak_bytes(),
    }
