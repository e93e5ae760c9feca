"""One side of a training bench, in a process of its own: the article's trainer settings, or this project's.

    python -m bench.trainers SIDE OPTIONS

SIDE is article, full, fit or pack; OPTIONS is JSON (see `Options`). Prints one line of JSON (see `Run`).
"""

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from transformers import logging

from asr.machine.shutdown import StopRequest
from asr.model.whisper import Whisper, load
from asr.training.batch import Examples, StepKeys, Steps, step_loader
from asr.training.plan import Plan
from asr.training.recipe import Train
from asr.training.run import plan_of, train
from asr.training.trainer import StepTrainer
from asr.training.validation import Validation, Validator
from bench.article_trainer import article
from bench.shapes import SHAPES, random_whisper, training_flops
from bench.sides import Clock, Options, Run, read_split, stage_settings, tested, timed_clips
from stages.common.machine import read_machine


@dataclass(frozen=True)
class Unvalidated:
    """In the place of a Validator, as training alone is timed. Each epoch is better than the one before: the last is kept."""

    whisper: Whisper
    epochs: Iterator[int]

    def validate(self, *args: Any) -> Validation:
        """Nothing."""
        return Validation(0.0, float(-next(self.epochs)), [])


def stage(whisper: Whisper, options: Options, window: str) -> Run:
    """The train stage's training, in a window mode."""
    examples, _ = read_split(whisper, options, "train")
    settings = stage_settings(window, options)
    clock = Clock()
    StepTrainer.get_batch_samples = clock.load(StepTrainer.get_batch_samples)  # type: ignore[method-assign]
    StepTrainer.evaluate = clock.after(StepTrainer.evaluate)  # type: ignore[method-assign]
    cuda = torch.cuda.is_available()
    workers = read_machine().loader_workers
    with tempfile.TemporaryDirectory() as folder:
        validator = cast(Validator, Unvalidated(whisper, itertools.count()))
        stop = StopRequest(Path(folder, "stop"))
        trained = train(
            whisper, examples, validator, settings, Path(folder), Path(folder, "events"), stop, loader_workers=workers
        )
    plan = plan_of(whisper, examples, settings)
    return Run(
        clips=timed_clips(examples, options.epochs),
        seconds=sum(clock.steps[1:]),
        waited=sum(clock.waits[1:]),
        loader_clips_per_second=loader_speed(examples, plan, settings, workers),
        cuda_bytes=torch.cuda.max_memory_allocated() if cuda else None,
        flops_per_clip=planned_flops(whisper, examples, plan, options.epochs),
        precision=trained.precision,
        rows_at_once=trained.rows_at_once,
        **tested(whisper, options),
    )


def loader_speed(examples: Examples, plan: Plan, settings: Train, workers: int) -> float | None:
    """Clips a second of the loader alone, over one epoch after its first step; None when that is all."""
    keys = StepKeys(plan.steps_per_epoch)
    loader = step_loader(Steps(examples, plan, settings.masks, 0, 1), keys, workers, pin=torch.cuda.is_available())
    start, clips = 0.0, 0
    for number, batch in enumerate(loader):
        if number == 0:
            start = time.perf_counter()
        else:
            clips += batch.step_clips
    return clips / (time.perf_counter() - start) if clips else None


def planned_flops(whisper: Whisper, examples: Examples, plan: Plan, epochs: int) -> float:
    """A clip's, in the windows that the plan gave it."""
    lines = [line for epoch in range(epochs) for step in plan.epoch(epoch) for line in step]
    tokens = [sum(len(examples.labels[clip]) for clip in line.clips) for line in lines]
    flops = sum(training_flops(whisper, line.window, count) for line, count in zip(lines, tokens, strict=True))
    return flops / (epochs * len(examples))


def main() -> None:
    """Run a side."""
    logging.set_verbosity_error()
    side, options = sys.argv[1], Options(**json.loads(sys.argv[2]))
    whisper = random_whisper(options.model) if options.model in SHAPES else load(options.model, None, "transcribe")
    run = article(whisper, options) if side == "article" else stage(whisper, options, side)
    print(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
