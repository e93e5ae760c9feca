"""One side of a training bench, in a process of its own: the article's trainer settings, or this project's.

    python -m bench.trainers SIDE OPTIONS

SIDE is article, full, fit or pack; OPTIONS is JSON (see `Options`). Prints one line of JSON (see `Run`).
"""

import json
import sys
from dataclasses import asdict

import torch
from transformers import logging

from asr.machine.device import pick_device
from asr.model.whisper import Whisper, load
from asr.training.batch import readers
from asr.training.run import plan_of
from bench.article_trainer import ROWS_AT_ONCE, timed_article
from bench.own_clips import read_split, side_settings, tested, timed_clips
from bench.own_trainer import loader_speed, planned_flops, timed
from bench.shapes import random_whisper, training_flops
from bench.sides import Options, Run
from bench.sizes import SHAPES
from stages.common.machine import read_machine


def article(whisper: Whisper, options: Options) -> Run:
    """The article's trainer settings."""
    examples, _ = read_split(whisper, options, "train")
    precision, clock = timed_article(whisper, examples, side_settings("full", options))
    return Run(
        clips=timed_clips(examples, options),
        seconds=clock.seconds,
        waited=clock.waited,
        loader_clips_per_second=None,
        cuda_bytes=cuda_bytes(),
        flops_per_clip=sum(training_flops(whisper, whisper.window_frames, len(ids)) for ids in examples.labels) / len(examples),
        precision=precision,
        rows_at_once=ROWS_AT_ONCE,
        **tested(whisper, options),
    )


def stage(whisper: Whisper, options: Options, window: str) -> Run:
    """The train stage's training, in a window mode."""
    examples, _ = read_split(whisper, options, "train")
    settings = side_settings(window, options)
    asked = read_machine().loader_workers
    workers = readers(pick_device(), step_bytes=0) if asked is None else asked
    trained, clock = timed(whisper, examples, settings, workers)
    plan = plan_of(whisper, examples, settings)
    return Run(
        clips=timed_clips(examples, options),
        seconds=clock.seconds,
        waited=clock.waited,
        loader_clips_per_second=loader_speed(examples, plan, settings, workers),
        cuda_bytes=cuda_bytes(),
        flops_per_clip=planned_flops(whisper, examples, plan, options.epochs),
        precision=trained.precision,
        rows_at_once=trained.rows_at_once,
        **tested(whisper, options),
    )


def cuda_bytes() -> int | None:
    """That were taken at most."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def main() -> None:
    """Run a side."""
    logging.set_verbosity_error()
    side, options = sys.argv[1], Options(**json.loads(sys.argv[2]))
    whisper = random_whisper(options.model) if options.model in SHAPES else load(options.model, None, "transcribe")
    run = article(whisper, options) if side == "article" else stage(whisper, options, side)
    print(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
