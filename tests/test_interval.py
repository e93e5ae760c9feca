"""Intervals: they cover the truth as often as they say, and equal systems are seldom called different.

Test sets are simulated so that the truth is known: each speaker is difficult to a degree, MEAN on the average, each of the
speaker's clips is so about that, and a system gets every word wrong with that chance times a factor of its own. So the true
rate is MEAN times the factor, and the true difference follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.scoring import interval
from asr.scoring.interval import Corpus, Difference, Interval

TEST_SETS = 400
MEAN = 0.2
BETTER = 0.8
"""The factor of a system with 16 % of the words wrong instead of 20 %."""

Shape = tuple[int, int]
"""Speakers, and clips by each."""

UTTERANCES: Shape = (150, 1)
SPEAKERS: Shape = (12, 8)


@dataclass(frozen=True)
class Heard:
    """Two systems on a test set: errors and words of each utterance."""

    words: list[int]
    speakers: list[str | None]
    first: list[int]
    second: list[int]


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "MOST_DRAWS", 1_000)


def simulated(shape: Shape, seed: int, factor: float = 1.0, are_alike: bool = True) -> list[Heard]:
    """Test sets; the second system has the factor. Unless alike, some speakers are easier for one, some for the other."""
    speakers, clips = shape
    random = np.random.default_rng(seed)
    words = 1 + random.poisson(random.gamma(2.0, 5.0, (TEST_SETS, speakers, clips)))
    difficulty = about(random, np.full((TEST_SETS, speakers, 1), MEAN), 10.0)
    hard_for_first = about(
        random, np.broadcast_to(difficulty if are_alike else about(random, difficulty, 20.0), words.shape), 5.0
    )
    other = about(random, np.broadcast_to(about(random, difficulty, 20.0), words.shape), 5.0)
    first = random.binomial(words, hard_for_first)
    second = random.binomial(words, factor * (hard_for_first if are_alike else other))
    names = [str(speaker) if clips > 1 else None for speaker in range(speakers) for _ in range(clips)]
    return [
        Heard(words[each].ravel().tolist(), names, first[each].ravel().tolist(), second[each].ravel().tolist())
        for each in range(TEST_SETS)
    ]


def about(random: np.random.Generator, mean: NDArray[np.float64], closeness: float) -> NDArray[np.float64]:
    inside = np.clip(mean, 1e-6, 1 - 1e-6)
    return random.beta(closeness * inside, closeness * (1 - inside))


def differences(tests: Sequence[Heard]) -> list[Difference]:
    return [Corpus.of(test.words, test.speakers).difference(test.first, test.second) for test in tests]


def coverage(intervals: Sequence[Interval | None], truth: float) -> float:
    return sum(found is not None and found.low <= truth <= found.high for found in intervals) / len(intervals)


@pytest.mark.parametrize("are_alike", [True, False])
@pytest.mark.parametrize("shape", [UTTERANCES, SPEAKERS])
def test_the_interval_covers_a_known_difference_in_95_of_100_test_sets(shape: Shape, are_alike: bool) -> None:
    found = differences(simulated(shape, seed=1, factor=BETTER, are_alike=are_alike))

    assert 0.93 <= coverage([each.interval for each in found], 100 * MEAN * (BETTER - 1)) <= 0.97


@pytest.mark.parametrize("are_alike", [True, False])
@pytest.mark.parametrize("shape", [UTTERANCES, SPEAKERS])
def test_equal_systems_are_called_different_in_6_of_100_test_sets_at_most(shape: Shape, are_alike: bool) -> None:
    found = differences(simulated(shape, seed=2, are_alike=are_alike))

    assert sum(each.is_sure for each in found) / TEST_SETS <= 0.06


@pytest.mark.parametrize("speakers", [8, 6, 5])
def test_nor_more_often_by_few_speakers(speakers: int) -> None:
    found = differences(simulated((speakers, 20), seed=2, are_alike=False))

    assert sum(each.is_sure for each in found) / TEST_SETS <= 0.06


@pytest.mark.parametrize("speakers", [5, 8, 12])
def test_nor_where_some_speakers_have_far_more_clips_than_others(speakers: int) -> None:
    tests = simulated((speakers, 20), seed=7, are_alike=False)
    random = np.random.default_rng(7)
    found = differences([shortened(test, random.random(speakers) ** 2, 20) for test in tests])

    assert sum(each.is_sure for each in found) / TEST_SETS <= 0.05


def shortened(test: Heard, shares: NDArray[np.float64], clips: int) -> Heard:
    """Leave each speaker a share of the clips, one at least."""
    kept = [speaker * clips + clip for speaker, share in enumerate(shares) for clip in range(1 + int(share * (clips - 1)))]
    words, first, second = ([each[place] for place in kept] for each in (test.words, test.first, test.second))
    return Heard(words, [test.speakers[place] for place in kept], first, second)


def test_five_groups_are_the_fewest_that_find_half_as_many_errors_more_often_than_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "FEWEST", 2)
    found = {n: differences(simulated((n, 20), seed=8, factor=0.5)) for n in (2, 3, 4, 5)}
    shares = {n: sum(each.is_sure for each in each_set) / TEST_SETS for n, each_set in found.items()}

    assert shares[2] < shares[3] < 0.3 < shares[4] < 0.5 < shares[5]


@pytest.mark.parametrize("speakers", [2, 3, 4])
def test_fewer_groups_have_neither_interval_nor_p(speakers: int) -> None:
    corpus = Corpus.of([10] * 20, [str(clip % speakers) for clip in range(20)])

    assert corpus.groups == speakers
    assert corpus.interval([1, 3] * 10) is None
    assert corpus.difference([1, 3] * 10, [0, 1] * 10) == Difference(-15.0, None, None)
    assert corpus.difference([1, 3] * 10, [1, 3] * 10) == Difference(0.0, None, None)


def test_one_speaker_with_nearly_all_the_words_makes_the_interval_wider() -> None:
    first, second = [10, 20, 10, 20, 10, 20], [6, 8, 8, 4, 2, 10]
    even = Corpus.of([100] * 6, [None] * 6).difference(first, second)
    uneven = Corpus.of([10_000, *[100] * 5], [None] * 6).difference(first, second)

    assert even.is_sure
    assert not uneven.is_sure


@pytest.mark.parametrize("shape", [UTTERANCES, SPEAKERS, (8, 20), (5, 20)])
def test_the_interval_of_a_rate_covers_the_true_rate_nearly_as_often_even_with_few_speakers(shape: Shape) -> None:
    rates = [Corpus.of(test.words, test.speakers).interval(test.first) for test in simulated(shape, seed=3)]

    assert 0.91 <= coverage(rates, 100 * MEAN) <= 0.97


def test_it_is_speakers_that_must_be_drawn_where_their_errors_go_together() -> None:
    tests = simulated(SPEAKERS, seed=3)
    by_utterance = [Corpus.of(test.words, [None] * len(test.words)).interval(test.first) for test in tests]

    assert coverage(by_utterance, 100 * MEAN) < 0.8


@pytest.mark.parametrize("shape", [UTTERANCES, SPEAKERS, (6, 20), (5, 20)])
def test_p_is_below_5_percent_exactly_where_the_interval_leaves_out_zero(shape: Shape) -> None:
    found = differences(simulated(shape, seed=4, factor=BETTER)[:100])

    assert [each.is_sure for each in found] == [each.p is not None and each.p < 0.05 for each in found]


def test_p_of_equal_systems_is_below_any_share_in_that_share_of_test_sets() -> None:
    p = [each.p for each in differences(simulated(UTTERANCES, seed=5))]

    for share in (0.1, 0.25, 0.5, 0.75):
        assert sum(each is not None and each < share for each in p) / TEST_SETS == pytest.approx(share, abs=0.06)


def test_more_errors_are_more_points_and_the_other_way_round_fewer() -> None:
    corpus = Corpus.of([10] * 20, [None] * 20)
    there, back = corpus.difference([1] * 20, [1, 3] * 10), corpus.difference([1, 3] * 10, [1] * 20)

    assert (there.points, back.points) == (10.0, -10.0)
    assert there.interval is not None
    assert back.interval is not None
    assert (there.interval.low, there.interval.high) == pytest.approx((-back.interval.high, -back.interval.low))
    assert there.p == back.p
    assert there.is_sure
    assert back.is_sure


def test_identical_systems_do_not_differ() -> None:
    same = Corpus.of([3, 5, 8, 2, 4], [None] * 5).difference([1, 0, 2, 2, 0], [1, 0, 2, 2, 0])

    assert same == Difference(0.0, None, 1.0)
    assert not same.is_sure


def test_errors_that_only_moved_to_other_utterances_are_no_difference() -> None:
    moved = Corpus.of([10] * 40, [None] * 40).difference([2, 0] * 20, [0, 2] * 20)

    assert moved.points == 0
    assert moved.p is not None
    assert moved.p > 0.9


def test_the_rate_lies_in_its_interval() -> None:
    found = Corpus.of([10] * 50, [None] * 50).interval([1, 2, 0, 4, 1] * 10)

    assert found is not None
    assert 11 < found.low < 16 < found.high < 21


def test_a_rate_is_never_below_zero() -> None:
    found = Corpus.of([10] * 10, ["a", "b", "c", "d", "e"] * 2).interval([0, 0, 0, 0, 9] * 2)

    assert found is not None
    assert found.low == 0
    assert found.high > 40


def test_where_all_are_alike_nobody_can_tell_how_far_others_would_be() -> None:
    five = Corpus.of([10] * 5, [None] * 5)

    assert five.interval([0] * 5) is None
    assert five.interval([2] * 5) is None
    assert five.difference([0] * 5, [1] * 5) == Difference(10.0, None, None)
    assert five.difference([1] * 5, [1] * 5) == Difference(0.0, None, 1.0)


def test_one_utterance_says_nothing_about_others() -> None:
    one = Corpus.of([4], ["a"])

    assert one.interval([1]) is None
    assert one.difference([1], [3]) == Difference(50.0, None, None)
    assert not one.difference([1], [3]).is_sure


def test_no_utterances_are_no_error() -> None:
    none = Corpus.of([], [])

    assert none.interval([]) is None
    assert none.difference([], []) == Difference(0.0, None, None)


def test_references_without_words_are_drawn_too() -> None:
    silent = Corpus.of([0, 0, 0], [None] * 3)

    assert silent.interval([0, 0, 0]) is None
    assert silent.difference([0, 0, 0], [1, 1, 1]).points == 300.0


@pytest.mark.parametrize(
    ("speakers", "unit", "group"),
    [
        ([None, None, None, None], "utterances", [0, 1, 2, 3]),
        (["ann", "ann", "ann", "ann"], "utterances", [0, 1, 2, 3]),
        (["ann", "bob", "ann", "bob"], "speakers", [0, 1, 0, 1]),
        (["ann", None, "ann", None], "speakers", [0, 1, 0, 2]),
        (["ann", "bob", "cid", "dan"], "speakers", [0, 1, 2, 3]),
        (["1", None, "1", "3"], "speakers", [0, 1, 0, 2]),
    ],
)
def test_speakers_are_drawn_where_they_are_known(speakers: list[str | None], unit: str, group: list[int]) -> None:
    corpus = Corpus.of([1, 2, 3, 4], speakers)

    assert corpus.unit == unit
    assert corpus.group.tolist() == group
    assert corpus.words.sum() == 10


def test_the_same_numbers_give_the_same_interval() -> None:
    test = simulated(SPEAKERS, seed=6)[0]

    assert differences([test]) == differences([test])


def test_the_order_of_utterances_hardly_matters() -> None:
    test = simulated(UTTERANCES, seed=6, factor=BETTER)[0]
    turned = Heard(test.words[::-1], test.speakers, test.first[::-1], test.second[::-1])
    one, other = differences([test, turned])

    assert one.points == other.points
    assert one.interval is not None
    assert other.interval is not None
    assert (one.interval.low, one.interval.high) == pytest.approx((other.interval.low, other.interval.high), abs=0.4)


def test_the_order_of_utterances_within_speakers_does_not_matter() -> None:
    test = simulated(SPEAKERS, seed=6, factor=BETTER)[0]
    random = np.random.default_rng(0)
    order = [8 * speaker + clip for speaker in range(12) for clip in random.permutation(8)]
    first, second = [test.first[place] for place in order], [test.second[place] for place in order]
    mixed = Heard([test.words[place] for place in order], test.speakers, first, second)

    assert differences([test]) == differences([mixed])


@pytest.mark.parametrize("utterances", [2_001, 20_000])
def test_how_many_are_drawn_at_once_changes_nothing(utterances: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Corpus.of([10] * utterances, [None] * utterances).interval([1, 0, 2] * (utterances // 3) + [0] * (utterances % 3))
    monkeypatch.setattr(interval, "NUMBERS_AT_ONCE", 2**17)
    parts = Corpus.of([10] * utterances, [None] * utterances).interval([1, 0, 2] * (utterances // 3) + [0] * (utterances % 3))

    assert whole == parts
