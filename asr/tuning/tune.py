"""Tuning: a rate is found, a model trained at it, and of its epochs and the base model those weights are taken that hear best.

Everything is chosen on the validation split, and on clips of the general sets that are there to choose by.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.base.rates import SHORT
from asr.machine.device import Precision
from asr.model.precision import hearing_in
from asr.ranks.group import rank_and_ranks, wait_for_all
from asr.training.batch import Examples
from asr.training.checkpoints import SEARCH, checked
from asr.training.epochs import kept_epochs
from asr.training.labels import at, without_speech
from asr.training.recipe import Train, learning_rate
from asr.training.run import Trained
from asr.training.validation import Validator
from asr.tuning.keeping import Point, along, chosen, point, told
from asr.tuning.search import MOST_VALIDATED, Tried, best_rate, rates_around, search, share_of, short
from asr.tuning.weights import Weights, between, mean_of, take, weights_of

MOST_HEARD = 200
"""Clips of the validation split, and of each general set, that are heard with each share of the base model."""

MOST_SILENT = 50
"""Clips without speech that are heard besides, as the base model may write words where nobody speaks."""

Training = Callable[[Examples, Validator, Train, Path], Trained]
"""Trains the model in place, in a folder of this training's own."""


@dataclass(frozen=True)
class Tuned:
    """What came of it.

    Attributes:
        trained: the training itself.
        searched: the rates that were tried; none unless one was searched for.
        averaged: of so many epochs the weights are the mean.
        points: the shares of the base model's weights that were tried, in their order.
        kept: the share that was taken.
        error_rate: of the result, on the validation split, in percent.
    """

    trained: Trained
    searched: Sequence[Tried]
    averaged: int
    points: Sequence[Point]
    kept: float
    error_rate: float


def tuned_as(outcome: Mapping[str, Any]) -> Tuned:
    """What `dataclasses.asdict` made a mapping of."""
    parts = {
        "trained": Trained(**outcome["trained"]),
        "searched": [Tried(**each) for each in outcome["searched"]],
        "points": [Point(**each) for each in outcome["points"]],
    }
    return Tuned(**{**outcome, **parts})


def tune(
    validator: Validator, general: Mapping[str, Validator], examples: Examples, settings: Train, folder: Path, train: Training
) -> Tuned:
    """Tune the validator's model in place.

    Args:
        validator: the validation split, and the model.
        general: of each general set the clips to choose by, with the same model.
        examples: what is learned.
        settings: the parameters of training.
        folder: of this run.
        train: trains the model.

    Raises:
        StoppedError: when the run was asked to end.
    """
    model = validator.whisper.model
    base, base_windows = weights_of(model), validator.whisper.windows
    searched = _searched(validator, examples, settings, folder, train, base) if settings.learning_rate == "search" else []
    if searched:
        settings = settings.model_copy(update={"learning_rate": best_rate(searched)})
        print(f"train: the search takes the rate {settings.learning_rate:g}", file=sys.stderr)
    trained = train(examples, validator, settings, folder)
    averaged, error_rate = _averaged(validator, trained, settings, folder, base)
    points, kept, tuned = list[Point](), settings.keep_of_base, weights_of(model)
    if kept == "auto":
        judge = validator.some(MOST_HEARD).besides(_silent(examples))
        points = _kept(judge, general, tuned, base, base_windows, trained.precision)
        kept = chosen(points).share
    take(model, between(tuned, base, kept) if kept else tuned)
    if kept:
        error_rate = _heard(validator, trained.precision)
        rate = f"validation {SHORT[validator.metric]}"
        print(f"train: {100 * kept:.0f} % of the base model's weights are kept: {rate} {error_rate:.1f} %", file=sys.stderr)
    return Tuned(trained, searched, averaged, points, kept, error_rate)


def _searched(
    validator: Validator, examples: Examples, settings: Train, folder: Path, train: Training, base: Weights
) -> list[Tried]:
    whisper, windows = validator.whisper, validator.whisper.windows
    some, judge = share_of(examples, settings.search_share), validator.some(MOST_VALIDATED)

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
    found = _heard(validator, trained.precision)
    is_better = found <= trained.best_error_rate
    rates = f"validation {SHORT[validator.metric]} {found:.1f} %, the best epoch {trained.best_error_rate:.1f} %"
    taken = "the mean" if is_better else "the best epoch"
    print(f"train: the mean of the {len(epochs)} best epochs has {rates}: {taken} is taken", file=sys.stderr)
    if not is_better:
        take(model, best)
    return (len(epochs), found) if is_better else (1, trained.best_error_rate)


def _silent(examples: Examples) -> Examples:
    """The clips without speech, or as many as are heard, from all over the list."""
    places = sorted(without_speech(examples))
    return at(examples, places[:: max(1, math.ceil(len(places) / MOST_SILENT))])


def _kept(
    judge: Validator,
    general: Mapping[str, Validator],
    tuned: Weights,
    base: Weights,
    base_windows: tuple[bool, int],
    precision: Precision,
) -> list[Point]:
    """Hear shares of the base model one after the other, until more of it only makes it worse."""
    whisper = judge.whisper
    judges = {name: each.some(MOST_HEARD) for name, each in general.items()}

    def rates(weights: Weights) -> dict[str, float]:
        take(whisper.model, weights)
        return {name: _heard(each, precision) for name, each in judges.items()}

    windows = whisper.windows
    whisper.mark_fitted(*base_windows)
    of_base = rates(base)
    whisper.mark_fitted(*windows)

    def heard(share: float) -> Point:
        others = rates(between(tuned, base, share))
        found = point(share, _heard(judge, precision), others, of_base)
        print(f"train: {told(found, judge.metric)}", file=sys.stderr)
        return found

    return along(heard)


def _heard(validator: Validator, precision: Precision) -> float:
    with hearing_in(validator.whisper.model, precision):
        return validator.error_rate(*rank_and_ranks())
