"""Hostile input: whatever is wrong with a table or its audio, every row is used or refused with a reason; nothing breaks."""

from pathlib import Path

import pytest

from bench.intake import MOST_BYTES, MOST_SECONDS, Outcome, goals, try_all, try_one
from bench.mutations import AUDIO_CHANGES, BYTE_CHANGES, TABLE_CHANGES, drawn
from bench.small_sets import small_sets

pytestmark = pytest.mark.slow

SEEDS = 2000
"""Among so many, every kind of mutation meets every format that it is for."""


@pytest.fixture(scope="module")
def seeds() -> list[int]:
    """The first of each kind of mutation in each format."""
    sets, first = small_sets(), dict[tuple[str, str], int]()
    for seed in range(SEEDS):
        small, kind, _ = drawn(sets, seed)
        first.setdefault((small.format, kind), seed)
    return list(first.values())


@pytest.fixture(scope="module")
def outcomes(seeds: list[int]) -> list[Outcome]:
    return list(try_all(seeds, workers=2))


def test_nothing_breaks_and_no_row_is_lost(seeds: list[int], outcomes: list[Outcome]) -> None:
    assert sorted(each.seed for each in outcomes) == seeds
    assert [f"{each.seed} {each.kind}: {each.fault}" for each in outcomes if each.fault] == []


def test_nothing_takes_long_or_much_memory(outcomes: list[Outcome]) -> None:
    assert max(each.seconds for each in outcomes) < MOST_SECONDS
    assert 0 < max(each.peak for each in outcomes) < MOST_BYTES
    assert all(target.met for target in goals(outcomes))


def test_all_kinds_of_mutation_and_all_formats_are_among_them(outcomes: list[Outcome]) -> None:
    assert {each.kind for each in outcomes} == {*AUDIO_CHANGES, *BYTE_CHANGES, *TABLE_CHANGES}
    assert {each.format for each in outcomes} == {small.format for small in small_sets()}
    assert len(outcomes) > 150


def test_some_rows_are_used_some_refused_and_some_tables_too(outcomes: list[Outcome]) -> None:
    assert sum(each.used for each in outcomes) > len(outcomes)
    assert sum(each.refused for each in outcomes) > len(outcomes) / 10
    assert 0 < sum(bool(each.stopped) for each in outcomes) < len(outcomes) / 4


def test_a_set_that_nobody_has_changed_is_used_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kinds in (AUDIO_CHANGES, TABLE_CHANGES):
        for kind in kinds:
            monkeypatch.setitem(kinds, kind, lambda small, folder, random: None)
    sets = small_sets()

    healthy = [try_one(sets, seed) for seed in range(len(sets))]

    assert [(each.format, each.used, each.refused, each.fault) for each in healthy] == [
        (small.format, small.rows, 0, "") for small in sets
    ]


def test_a_row_that_is_lost_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    import bench.intake
    from asr.recordings.clips import Checked

    monkeypatch.setattr(bench.intake, "check_rows", lambda *arguments: Checked([], []))

    assert "of 4 rows, 0 are used and 0 refused" in [try_one(small_sets(), seed).fault for seed in range(10)]
