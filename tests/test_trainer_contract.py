"""What the library's trainer has to go on doing around what is overridden: an upgrade that breaks it fails here.

The code is in asr/training/trainer.py, whose docstring says why it is overridden at all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from transformers import set_seed

from asr.base.rates import Metric
from asr.machine.shutdown import StopRequest
from asr.model.whisper import Whisper, load
from asr.training.batch import Key, StepBatch, Steps
from asr.training.callbacks import Saving
from asr.training.memory import Limits
from asr.training.run import plan_of
from asr.training.trainable import parameter_groups
from asr.training.trainer import StepTrainer, arguments
from asr.training.validation import Validation
from tests.recipes import recipe
from tests.sounds import write_tiny_whisper
from tests.test_training import unequal

SETTINGS = recipe(epochs=2, effective_batch=4, warmup_share=0.0, schedule="linear", layer_lr_decay=0.5, max_gradient_norm=1e-3)
RATE = 1e-3


@dataclass
class Run:
    """A training of 10 clips in steps of 4, and what the library was seen to do."""

    trainer: StepTrainer
    keys: list[Key] = field(default_factory=list)
    learned: list[StepBatch] = field(default_factory=list)
    validated: list[tuple[int, bool]] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    rates: list[list[float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("contract")
    whisper = load(str(write_tiny_whisper(folder / "model")), None, "transcribe")
    examples = unequal(whisper, 10)
    set_seed(SETTINGS.seed)
    whisper.model.config.use_cache = False

    class SeenSteps(Steps):
        def __getitem__(self, key: Key) -> StepBatch:
            found.keys.append(key)
            return super().__getitem__(key)

    class StandIn:
        whisper: Whisper
        metric: Metric = "WER"

        def validate(self, loss: Any, most: Callable[[int], int], rank: int, ranks: int) -> Validation:
            found.validated.append((trainer.state.global_step, trainer.model.training))
            return Validation(1.0, 50.0, [])

    class SeenTrainer(StepTrainer):
        def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
            loss = super().training_step(*args, **kwargs)
            found.losses.append(float(loss))
            return loss

    stand_in: Any = StandIn()
    stand_in.whisper = whisper
    args = arguments(SETTINGS, SETTINGS.passes(len(examples)), RATE, "bf16", "cpu", folder / "run", loader_workers=0)
    kind, options = StepTrainer.get_optimizer_cls_and_kwargs(args)
    trainer = SeenTrainer(
        model=whisper.model,
        args=args,
        steps=SeenSteps(examples, plan_of(whisper, examples, SETTINGS), SETTINGS.variety, 0, 1),
        validator=stand_in,
        keep=lambda state, validation: None,
        count=lambda batch: found.learned.append(batch),
        optimizer=(kind, {**options, "params": parameter_groups(whisper.model, RATE, 0.5, 0.01)}),
        precision="bf16",
        settings=SETTINGS,
        callbacks=[Saving(StopRequest(folder / "stop"), minutes=math.inf, steps_per_epoch=3)],
    )
    trainer.limits = Limits({whisper.window_frames: 4})
    found = Run(trainer)
    step = torch.optim.AdamW.step

    def seen(optimizer: torch.optim.AdamW, *more: Any, **named: Any) -> Any:
        gradients = [parameter.grad for parameter in whisper.model.parameters() if parameter.grad is not None]
        found.norms.append(float(torch.cat([gradient.flatten() for gradient in gradients]).norm()))
        found.rates.append([group["lr"] for group in optimizer.param_groups])
        return step(optimizer, *more, **named)

    with patch.object(torch.optim.AdamW, "step", seen):
        trainer.train()
    return found


def test_the_loader_is_ours_and_is_told_each_epoch(run: Run) -> None:
    assert run.keys == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_every_step_is_learned_from_once_and_as_a_whole(run: Run) -> None:
    assert [batch.step_clips for batch in run.learned] == [4, 4, 2, 4, 4, 2]
    assert run.trainer.state.global_step == 6


def test_the_model_is_wrapped_in_nothing(run: Run) -> None:
    """Neither DistributedDataParallel, whose averages would be wrong, nor accelerate's autocast, nor DataParallel."""
    assert run.trainer.model_wrapped is run.trainer.model
    assert not hasattr(run.trainer.model, "_original_forward")


def test_several_gpus_are_no_reason_for_data_parallel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.training_args.TrainingArguments.n_gpu", 4)

    made = arguments(SETTINGS, 2, RATE, "fp32", "cpu", tmp_path, loader_workers=0)

    assert made._n_gpu == 1


def test_the_optimiser_is_the_librarys_with_our_groups(run: Run) -> None:
    groups = parameter_groups(run.trainer.model, RATE, 0.5, 0.01)

    assert run.rates[0] == [group["lr"] for group in groups]
    assert len(set(run.rates[0])) > 4


def test_gradients_are_clipped_before_the_optimisers_step(run: Run) -> None:
    assert run.norms == [pytest.approx(1e-3, rel=1e-3)] * 6


def test_the_schedule_follows_the_optimisers_steps(run: Run) -> None:
    assert [rates[0] for rates in run.rates] == pytest.approx([RATE * left / 6 for left in (6, 5, 4, 3, 2, 1)])


def test_after_each_epoch_it_is_validated_and_not_in_training(run: Run) -> None:
    assert run.validated == [(3, False), (6, False)]


def test_the_loss_that_is_logged_is_the_one_that_was_returned(run: Run) -> None:
    logged = [entry["loss"] for entry in run.trainer.state.log_history if "loss" in entry]

    assert logged == pytest.approx(run.losses)
    assert len(logged) == 6


def test_the_library_counts_no_operations(run: Run) -> None:
    assert run.trainer.state.total_flos == 0
