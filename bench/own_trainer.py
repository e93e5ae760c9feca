"""The train stage's training with the clock running: no validation, no checkpoints."""

import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import torch

from asr.base.rates import Metric
from asr.machine.shutdown import StopRequest
from asr.model.whisper import Whisper
from asr.training.batch import Examples, StepKeys, Steps, step_loader
from asr.training.plan import Plan
from asr.training.recipe import Train
from asr.training.run import Trained, train
from asr.training.trainer import StepTrainer
from asr.training.validation import Validation, Validator
from bench.clock import Clock
from bench.shapes import training_flops


@dataclass(frozen=True)
class Unvalidated:
    """In the place of a Validator, as training alone is timed. Each epoch is better than the one before: the last is kept."""

    whisper: Whisper
    epochs: Iterator[int]
    metric: Metric = "WER"

    @classmethod
    def of(cls, whisper: Whisper) -> Validator:
        """As `train` asks for it."""
        return cast(Validator, cls(whisper, itertools.count()))

    def validate(self, *args: Any) -> Validation:
        """Nothing."""
        return Validation(0.0, float(-next(self.epochs)), [])


def timed(whisper: Whisper, examples: Examples, settings: Train, loader_workers: int | None = None) -> tuple[Trained, Clock]:
    """Train, and time every step."""
    clock = Clock()
    changed = patch.multiple(
        StepTrainer,
        get_batch_samples=clock.load(StepTrainer.get_batch_samples),
        evaluate=clock.after(StepTrainer.evaluate),
        # Of the largest shape one is 18 GB; and the last epoch counts, whose weights the model has anyway.
        _save_checkpoint=lambda *args: None,
    )
    with changed, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stop = StopRequest(folder / "stop")
        trained = train(whisper, examples, Unvalidated.of(whisper), settings, folder, None, stop, loader_workers=loader_workers)
    return trained, clock


def loader_speed(examples: Examples, plan: Plan, settings: Train, workers: int) -> float | None:
    """Clips a second of the loader alone, over one epoch after its first step; None when that is all."""
    keys = StepKeys(plan.steps_per_epoch)
    loader = step_loader(Steps(examples, plan, settings.variety, 0, 1), keys, workers, pin=torch.cuda.is_available())
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
