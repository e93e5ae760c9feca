"""Tuning: a rate is found, a model trained at it, and of its epochs those weights are taken that hear best.

All is chosen on the validation split.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.base.rates import SHORT
from asr.ranks.group import rank_and_ranks, wait_for_all
from asr.training.batch import Examples
from asr.training.checkpoints import SEARCH, checked
from asr.training.epochs import kept_epochs
from asr.training.recipe import Train, learning_rate
from asr.training.run import Trained
from asr.training.validation import Validator
from asr.tuning.search import MOST_VALIDATED, Tried, best_rate, rates_around, search, short, tried_on
from asr.tuning.weights import Weights, mean_of, take, weights_of

Training = Callable[[Examples, Validator, Train, Path], Trained]
"""Trains the model in place, in a folder of this training's own."""


@dataclass(frozen=True)
class Tuned:
    """What came of it.

    Attributes:
        trained: the training itself.
        searched: the rates that were tried; none unless one was searched for.
        averaged: of so many epochs the weights are the mean.
        error_rate: of the result, on the validation split, in percent.
    """

    trained: Trained
    searched: Sequence[Tried]
    averaged: int
    error_rate: float


def tuned_as(outcome: Mapping[str, Any]) -> Tuned:
    """What `dataclasses.asdict` made a mapping of."""
    searched = [Tried(**each) for each in outcome["searched"]]
    return Tuned(**{**outcome, "trained": Trained(**outcome["trained"]), "searched": searched})


def tune(validator: Validator, examples: Examples, settings: Train, folder: Path, train: Training) -> Tuned:
    """Tune the validator's model in place.

    Args:
        validator: the validation split, and the model.
        examples: what is learned.
        settings: the parameters of training.
        folder: of this run.
        train: trains the model.

    Raises:
        StoppedError: when the run was asked to end.
    """
    is_needed = settings.learning_rate == "search" or settings.average > 1
    base = weights_of(validator.whisper.model) if is_needed else {}
    searched = _searched(validator, examples, settings, folder, train, base) if settings.learning_rate == "search" else []
    if searched:
        settings = settings.model_copy(update={"learning_rate": best_rate(searched)})
        print(f"train: the search takes the rate {settings.learning_rate:g}", file=sys.stderr)
    trained = train(examples, validator, settings, folder)
    return Tuned(trained, searched, *_averaged(validator, trained, settings, folder, base))


def _searched(
    validator: Validator, examples: Examples, settings: Train, folder: Path, train: Training, base: Weights
) -> list[Tried]:
    whisper, windows = validator.whisper, validator.whisper.windows
    some, judge = tried_on(examples, settings), validator.some(MOST_VALIDATED)

    def attempt(rate: float, place: Path) -> Tried:
        if rank_and_ranks()[0] == 0 and place.exists():
            checked(place)
        wait_for_all()
        try:
            trained = train(some, judge, short(settings, rate, len(some)), place)
        finally:
            take(whisper.model, base)
            whisper.mark_fitted(*windows)
        losses = [entry["eval_loss"] for entry in trained.log_history if "eval_loss" in entry and entry["step"]]
        return Tried(rate, trained.steps, trained.best_error_rate, min(losses))

    auto = learning_rate(settings.model_copy(update={"learning_rate": "auto"}), whisper.model.config.d_model)
    return search(rates_around(auto), folder / SEARCH, attempt)


def _averaged(validator: Validator, trained: Trained, settings: Train, folder: Path, base: Weights) -> tuple[int, float]:
    """Take the mean of the best epochs' weights, where it is heard no worse than the best epoch."""
    epochs = kept_epochs(folder)
    if len(epochs) < 2:
        return 1, trained.best_error_rate
    model, best = validator.whisper.model, weights_of(validator.whisper.model)
    take(model, mean_of(epochs, base, settings.lora_alpha / settings.lora_rank if settings.lora_rank else 0.0))
    found = validator.heard(trained.precision).error_rate
    is_better = found <= trained.best_error_rate
    rates = f"validation {SHORT[validator.metric]} {found:.1f} %, the best epoch {trained.best_error_rate:.1f} %"
    taken = "the mean" if is_better else "the best epoch"
    print(f"train: the mean of the {len(epochs)} best epochs has {rates}: {taken} is taken", file=sys.stderr)
    if not is_better:
        take(model, best)
    return (len(epochs), found) if is_better else (1, trained.best_error_rate)
