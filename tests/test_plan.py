"""The plan: every clip once an epoch, in a window that holds it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from asr.model.window import fitted
from asr.training.plan import PASS_FRAMES, Plan, Step, shared_windows
from asr.training.recipe import Mode

PLAN = Plan(
    frames=[20 + 37 * clip % 281 for clip in range(1_000)],
    tokens=[5 + clip % 7 for clip in range(1_000)],
    languages=[None] * 1_000,
    mode="full",
    whole_share=0.0,
    clips_per_step=16,
    window=400,
    max_tokens=64,
    seed=1,
)
MODES: tuple[Mode, ...] = ("full", "fit", "pack")


def clips(steps: Sequence[Step]) -> list[int]:
    return [clip for step in steps for line in step for clip in line.clips]


def alone(steps: Sequence[Step]) -> set[int]:
    """The clips of the lines that hold no other, in the whole window."""
    return {line.clips[0] for step in steps for line in step if len(line.clips) == 1 and line.window == PLAN.window}


@pytest.mark.parametrize("whole_share", [0.0, 0.15, 1.0])
@pytest.mark.parametrize("mode", MODES)
def test_every_clip_is_in_an_epoch_once(mode: Mode, whole_share: float) -> None:
    steps = replace(PLAN, mode=mode, whole_share=whole_share).epoch(3)

    assert sorted(clips(steps)) == list(range(1_000))


@pytest.mark.parametrize("mode", MODES)
def test_the_plan_follows_from_seed_and_epoch(mode: Mode) -> None:
    plan = replace(PLAN, mode=mode, whole_share=0.15)

    assert plan.epoch(1) == replace(plan).epoch(1)
    assert plan.epoch(1) != plan.epoch(2)
    assert plan.epoch(1) != replace(plan, seed=2).epoch(1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("epoch", range(5))
def test_a_short_last_step_stays_last(mode: Mode, epoch: int) -> None:
    plan = replace(PLAN, mode=mode)

    assert [len(clips([step])) for step in plan.epoch(epoch)] == [16] * 62 + [8]
    assert plan.steps_per_epoch == 63


def test_no_step_is_short_when_the_clips_come_out_even() -> None:
    plan = replace(PLAN, clips_per_step=100)

    assert [len(clips([step])) for step in plan.epoch(0)] == [100] * 10
    assert plan.steps_per_epoch == 10


def test_without_fitting_every_window_is_whole() -> None:
    assert {(len(line.clips), line.window) for step in PLAN.epoch(0) for line in step} == {(1, 400)}


def test_a_fitted_window_holds_its_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.training.plan.PASS_FRAMES", 0)
    lines = [line for step in replace(PLAN, mode="fit").epoch(0) for line in step]

    assert all(line.window == fitted(PLAN.frames[line.clips[0]], 400) for line in lines)
    assert all(PLAN.frames[line.clips[0]] <= line.window for line in lines)
    assert len({line.window for line in lines}) > 5


def test_no_window_is_shorter_than_the_shortest_that_is_wanted() -> None:
    plan = Plan([30, 90, 350], [5] * 3, [None] * 3, "fit", 0.0, clips_per_step=3, window=400, max_tokens=99, seed=1, least=100)

    assert plan.windows == {fitted(100, 400), fitted(350, 400)}
    assert {line.window for step in plan.epoch(0) for line in step} <= plan.windows


def test_rows_share_a_window_where_that_costs_less_than_a_micro_batch() -> None:
    # A pass less for 4 x 100 frames more, and a pass less for 3 x 1000.
    assert shared_windows({100: 4, 200: 20, 2000: 3, 3000: 1}) == {100: 200, 200: 200, 2000: 3000, 3000: 3000}
    # 20 rows of 200 in the window of 400 would cost as much as they save; with the four of 300, more.
    assert shared_windows({200: 21, 400: 5}) == {200: 200, 400: 400}
    assert shared_windows({200: 19, 400: 5}) == {200: 400, 400: 400}
    assert shared_windows({64: 10}) == {64: 64}
    assert shared_windows({}) == {}


def test_no_other_way_to_share_windows_is_cheaper() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        rows = {int(window): int(random.integers(1, 12)) for window in random.choice(np.arange(16, 3000, 16), 6, replace=False)}
        windows = sorted(rows)
        ways = [
            {window: min(end for end in (*ends, windows[-1]) if end >= window) for window in windows}
            for count in range(6)
            for ends in combinations(windows[:-1], count)
        ]

        def cost(way: dict[int, int], rows: dict[int, int] = rows) -> int:
            return PASS_FRAMES * len(set(way.values())) + sum(way[window] * count for window, count in rows.items())

        assert cost(shared_windows(rows)) == min(cost(way) for way in ways)


def plan_of_short_clips(mode: Mode) -> Plan:
    return Plan([30] * 2_000, [5] * 2_000, [None] * 2_000, mode, 0.15, clips_per_step=2_000, window=400, max_tokens=99, seed=1)


def test_some_clips_have_the_whole_window_to_themselves() -> None:
    plan = plan_of_short_clips("pack")

    assert len(alone(plan.epoch(0))) == 300
    assert len(alone(plan.epoch(0)) & alone(plan.epoch(1))) < 100
    assert len(alone(replace(plan, whole_share=0.0).epoch(0))) < 2
    assert alone(replace(plan, whole_share=1.0).epoch(0)) == set(range(2_000))


def test_under_fit_about_half_of_the_clips_in_whole_windows_share_them() -> None:
    plan = plan_of_short_clips("fit")
    (step,) = plan.epoch(0)
    whole = [line for line in step if line.window == 400]
    shared = [line for line in whole if len(line.clips) > 1]

    assert len(clips([tuple(whole)])) == 300
    assert 120 < len(clips([tuple(shared)])) < 180
    assert all(6 <= len(line.clips) <= 13 for line in shared[:-1])
    assert {len(line.clips) for line in step if line.window < 400} == {1}
    assert not alone(replace(plan, whole_share=0.0).epoch(0))


def test_clips_that_are_kept_alone_are_packed_with_none_and_fitted_as_others_are() -> None:
    kept = frozenset(range(0, 1_000, 20))
    packed = replace(PLAN, mode="pack", whole_share=0.1, kept_alone=kept)

    assert sorted(clips(packed.epoch(0))) == list(range(1_000))
    assert kept <= alone(packed.epoch(0))
    assert {len(line.clips) for step in packed.epoch(0) for line in step} > {1, 2}
    assert not kept <= alone(replace(packed, kept_alone=frozenset()).epoch(0))
    assert not kept & set(clips([shared_by_fit(packed)]))


def test_clips_without_speech_share_a_window_with_their_like_alone() -> None:
    silent = frozenset(range(0, 1_000, 3))
    packed = replace(PLAN, mode="pack", silent=silent)
    shared = [set(line.clips) for step in packed.epoch(0) for line in step if len(line.clips) > 1]

    assert sorted(clips(packed.epoch(0))) == list(range(1_000))
    assert any(line <= silent for line in shared)
    assert all(line <= silent or not line & silent for line in shared)
    assert not silent & set(clips([shared_by_fit(packed)]))


def shared_by_fit(plan: Plan) -> Step:
    """The lines of an epoch under `fit` that hold several clips."""
    lines = tuple(line for step in replace(plan, mode="fit", whole_share=0.9).epoch(0) for line in step if len(line.clips) > 1)
    assert lines
    return lines


@pytest.mark.parametrize("clips_per_step", [7, 64])
def test_every_step_has_its_share_of_whole_windows(clips_per_step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.training.plan.PASS_FRAMES", 0)
    plan = replace(PLAN, mode="fit", whole_share=0.15, clips_per_step=clips_per_step)

    shares = [sum(len(line.clips) for line in step if line.window == 400) for step in plan.epoch(0)]

    assert sum(shares) == int(0.15 * len(PLAN.frames))
    assert max(shares[:-1]) - min(shares[:-1]) <= 1


@pytest.mark.parametrize("max_tokens", [24, 10_000])
def test_packed_clips_fit_the_window_and_the_decoder(max_tokens: int) -> None:
    plan = replace(PLAN, mode="pack", max_tokens=max_tokens)

    lines = [line for epoch in range(5) for step in plan.epoch(epoch) for line in step]

    assert max(sum(plan.frames[clip] for clip in line.clips) for line in lines) <= 400
    assert max(sum(plan.tokens[clip] for clip in line.clips) for line in lines) <= max_tokens
    assert {line.window for line in lines} == {400}
    assert len(lines) < 0.75 * 5_000


def test_clips_of_two_languages_are_not_packed_together() -> None:
    languages = ["nl" if clip % 3 else "de" for clip in range(1_000)]
    plan = replace(PLAN, mode="pack", languages=languages, max_tokens=10_000, whole_share=0.1)

    steps = plan.epoch(0)

    assert {len({languages[clip] for clip in line.clips}) for step in steps for line in step} == {1}
    assert sorted(clips(steps)) == list(range(1_000))
    assert sum(len(step) for step in steps) < 0.9 * 1_000
    assert plan.epoch(0) != replace(plan, languages=[None] * 1_000).epoch(0)
    assert replace(plan, languages=["nl"] * 1_000).epoch(0) == replace(plan, languages=[None] * 1_000).epoch(0)


def test_packed_windows_are_filled_and_those_that_clips_share_under_fit_to_a_random_part() -> None:
    plan = Plan(
        [10] * 2_000, [1] * 2_000, [None] * 2_000, "pack", 0.0, clips_per_step=2_000, window=400, max_tokens=1_000, seed=1
    )

    (step,) = plan.epoch(0)
    assert [len(line.clips) for line in step] == [40] * 50

    (step,) = replace(plan, mode="fit", whole_share=1.0).epoch(0)
    shared = [line for line in step if len(line.clips) > 1]
    filled = {10 * len(line.clips) for line in shared[:-1]}
    assert min(filled) >= 200
    assert max(filled) > 350
    assert len(filled) > 10


def test_a_clip_goes_into_the_first_window_that_has_room_for_it() -> None:
    plan = Plan([250, 200, 150, 180, 20], [1] * 5, [None] * 5, "pack", 0.0, clips_per_step=5, window=400, max_tokens=99, seed=0)

    assert [line.clips for line in plan._filled([0, 1, 2, 3, 4])] == [(0, 2), (1, 3, 4)]
    assert [line.clips for line in replace(plan, max_tokens=2)._filled([0, 1, 2, 3, 4])] == [(0, 2), (1, 3), (4,)]


def test_most_fitted_steps_hold_clips_of_similar_length() -> None:
    steps = replace(PLAN, mode="fit").epoch(0)

    lengths = [[PLAN.frames[clip] for clip in clips([step])] for step in steps]
    alike = sum(max(step) - min(step) < 0.35 * (max(PLAN.frames) - min(PLAN.frames)) for step in lengths)
    assert alike > 0.75 * len(steps)


def test_a_small_sets_steps_are_cut_anew_in_each_epoch() -> None:
    plan = replace(PLAN, frames=PLAN.frames[:100], tokens=PLAN.tokens[:100], mode="fit")

    epochs = [[frozenset(clips([step])) for step in plan.epoch(epoch)] for epoch in range(6)]

    assert not set(epochs[0]) & set(epochs[1])
    longest = set(sorted(range(100), key=lambda clip: plan.frames[clip])[-4:])
    assert sum(epoch[-1] == longest for epoch in epochs) <= 1


def test_a_clip_meets_others_in_each_epoch() -> None:
    plan = replace(PLAN, mode="fit")

    first, second = ({frozenset(pair) for step in plan.epoch(n) for pair in combinations(clips([step]), 2)} for n in (0, 1))
    assert len(first & second) < 0.25 * len(first)


def test_fitted_steps_come_in_any_order_of_length() -> None:
    steps = replace(PLAN, mode="fit").epoch(0)

    means = [sum(PLAN.frames[clip] for clip in clips([step])) / len(step) for step in steps]
    shorter = sum(after < before for before, after in pairwise(means))
    assert 15 < shorter < 48


@pytest.mark.parametrize("whole_share", [0.0, 0.15])
@pytest.mark.parametrize("mode", MODES)
def test_the_windows_told_are_all_that_occur(mode: Mode, whole_share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.training.plan.PASS_FRAMES", 0)
    plan = replace(PLAN, mode=mode, whole_share=whole_share)

    occurring = {line.window for step in plan.epoch(0) for line in step}

    assert occurring == plan.windows
