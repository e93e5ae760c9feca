"""The search for a learning rate: short trainings at several, each on the same share of the clips, judged on validation."""

import math
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from asr.base.errors import DataError
from asr.base.files import read_json, write_json
from asr.ranks.group import agreed, rank_and_ranks, wait_for_all
from asr.training.batch import Examples
from asr.training.callbacks import DivergedError
from asr.training.labels import at, spread
from asr.training.recipe import Train

FACTORS = (0.3, 1.0, 3.0, 10.0)
"""Times what `auto` would take."""

FEWEST_STEPS = 30
"""Of a short training: in fewer, the highest rate wins."""

MOST_VALIDATED = 300
"""Clips of the validation split by which a short training is judged."""


@dataclass(frozen=True)
class Tried:
    """A rate, and what its short training came to on the validation split: the lowest error rate of an epoch, in percent, and
    the lowest loss; None where it diverged.
    """

    rate: float
    steps: int
    error_rate: float | None
    loss: float | None


COLUMNS = tuple(field.name for field in fields(Tried))


def rates_around(auto: float) -> list[float]:
    """The rates to try, from the lowest to the highest."""
    return [float(f"{factor * auto:.3g}") for factor in FACTORS]


def short(settings: Train, rate: float, clips: int) -> Train:
    """The recipe of a short training on so many clips: as many epochs as make FEWEST_STEPS, but no more than it has."""
    epochs = min(settings.passes(clips), math.ceil(FEWEST_STEPS / settings.steps(clips)))
    return settings.model_copy(
        update={"learning_rate": rate, "epochs": epochs, "early_stopping_patience": epochs, "average": 1}
    )


def tried_on(examples: Examples, settings: Train) -> Examples:
    """The clips of a short training, from all over the list: the share that is asked for, or as many more as it takes to make
    FEWEST_STEPS of them in the recipe's epochs.
    """
    fewest = math.ceil(FEWEST_STEPS / settings.passes(len(examples))) * settings.effective_batch
    return at(examples, spread(len(examples), max(round(settings.search_share * len(examples)), fewest)))


def search(rates: Sequence[float], folder: Path, attempt: Callable[[float, Path], Tried]) -> list[Tried]:
    """Try each rate, but for those of which `folder` says already what came of them.

    Args:
        rates: to be tried.
        folder: of this search. A trial has a folder in it, from whose checkpoints it goes on when it was stopped.
        attempt: trains at a rate, in a folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Tried] = []
    is_first = rank_and_ranks()[0] == 0
    for rate in rates:
        path = folder / f"{rate:g}.json"
        if not agreed(path.exists()):
            if is_first:
                print(f"train: the search tries the rate {rate:g}, {len(found) + 1} of {len(rates)}", file=sys.stderr)
            try:
                tried = attempt(rate, folder / f"{rate:g}")
            except DivergedError:
                tried = Tried(rate, 0, None, None)
            if is_first:
                write_json(path, asdict(tried))
            wait_for_all()
            if is_first:
                shutil.rmtree(folder / f"{rate:g}", ignore_errors=True)
        found.append(Tried(**read_json(path)))
        if is_first:
            print(f"train: the rate {rate:g} {_came_to(found[-1])}", file=sys.stderr)
    return found


def _came_to(tried: Tried) -> str:
    return "diverges" if tried.error_rate is None else f"comes to {tried.error_rate:.1f} % errors on validation clips"


def best_rate(tried: Sequence[Tried]) -> float:
    """The rate with the lowest error rate on the validation split; of equal ones that with the lower loss.

    Raises:
        DataError: when training has diverged at each.
    """
    found = [(each.error_rate, each.loss, each.rate) for each in tried if each.error_rate is not None and each.loss is not None]
    if not found:
        every = f"{tried[0].rate:g} to {tried[-1].rate:g}"
        raise DataError(f"every rate that was tried, {every}, has diverged; set train.learning_rate to a lower one")
    return min(found)[2]
