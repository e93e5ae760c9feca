"""Verdicts, by simulation: what is claimed of equal systems, and what is found of others."""

from functools import cache
from math import sqrt

import pytest

from asr.report.comparison import Finding
from asr.scoring import interval
from bench.verdicts import EQUAL, SPEAKERS, UNEQUAL, Systems, tally

SETS = 300
FEW = (2, 3)
ENOUGH = (5, 10, 30)


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "MOST_DRAWS", 500)
    monkeypatch.setattr(interval, "FEWEST_DRAWS", 500)


@cache
def told(systems: Systems, speakers: int) -> tuple[dict[Finding, float], float]:
    """The share of each verdict, and of false claims, in percent."""
    counted, false = tally(systems, speakers, SETS)
    return {name: 100 * count / SETS for name, count in counted.items()}, false


@pytest.mark.parametrize("systems", EQUAL, ids=lambda each: each.name)
def test_of_equal_systems_something_false_is_claimed_in_5_of_100_test_sets_at_most(systems: Systems) -> None:
    false = [told(systems, speakers)[1] for speakers in SPEAKERS]
    by_chance = 100 * sqrt(0.05 * 0.95 / SETS)

    assert max(false) <= 5 + 2 * by_chance
    assert sum(false) / len(false) <= 5


@pytest.mark.parametrize("systems", [*EQUAL, *UNEQUAL], ids=lambda each: each.name)
@pytest.mark.parametrize("speakers", FEW)
def test_by_too_few_speakers_no_rate_is_judged(systems: Systems, speakers: int) -> None:
    found, false = told(systems, speakers)

    assert not found.keys() & {"better", "worse", "no difference beyond chance", "too uncertain to tell"}
    assert false <= 2


@pytest.mark.parametrize("systems", UNEQUAL, ids=lambda each: each.name)
def test_the_better_system_is_never_called_worse_by_more_than_chance_and_found_the_oftener_the_more_speakers(
    systems: Systems,
) -> None:
    better = [told(systems, speakers)[0].get("better", 0.0) for speakers in ENOUGH]

    assert max(told(systems, speakers)[1] for speakers in SPEAKERS) <= 2
    assert better == sorted(better)
    assert better[-1] > 95


def test_half_as_many_errors_are_seldom_called_no_difference() -> None:
    half = [told(systems, speakers)[0] for systems in UNEQUAL if systems.factor == 0.5 for speakers in SPEAKERS]

    assert max(found.get("no difference beyond chance", 0.0) for found in half) <= 20


def test_no_difference_is_told_of_equal_systems_where_there_are_speakers_enough() -> None:
    assert min(told(systems, 30)[0]["no difference beyond chance"] for systems in EQUAL) > 70
