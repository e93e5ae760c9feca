"""Comparisons: two systems on the clips that both have heard."""

from dataclasses import replace

import numpy as np
import pytest

from asr.report.comparison import Comparison, compare, holm, otherness, tone, verdict
from asr.scoring import interval
from asr.scoring.interval import Corpus, Difference, Interval
from asr.scoring.predictions import Prediction


def row(name: str, hypothesis: str, reference: str = "a b c d", speaker: str | None = None) -> Prediction:
    errors = sum(word not in hypothesis.split() for word in reference.split())
    words = len(reference.split())
    return Prediction(
        "test",
        name,
        f"{name}.wav",
        speaker,
        "en",
        {},
        2.0,
        reference,
        hypothesis,
        reference,
        hypothesis,
        "WER",
        errors,
        words,
        0,
        0,
        0,
        False,
        False,
        (),
    )


def compared(first: list[Prediction], second: list[Prediction]) -> Comparison:
    comparison = compare(first, second)
    assert comparison is not None
    return comparison


def many(hypothesis: str, other: str, speakers: int = 0) -> list[Prediction]:
    """Forty clips; one in four has the other hypothesis."""
    return [
        row(f"{n:02}", other if n % 4 == 0 else hypothesis, speaker=str(n % speakers) if speakers else None) for n in range(40)
    ]


def test_clips_are_matched_whatever_their_order() -> None:
    first = [row("1", "a b c d"), row("2", "a b c"), row("3", "a b")]
    second = [row("3", "a b c d"), row("1", "a b c"), row("2", "a b c")]
    found = compared(first, second)

    assert (found.clips, found.first) == (3, 25.0)
    assert found.second == pytest.approx(100 / 6)
    assert (found.better, found.worse) == (1, 1)
    assert found.difference.points == pytest.approx(found.second - found.first)
    assert found == compared(first[::-1], second[::-1])


def test_clips_in_one_only_are_counted_and_left_out() -> None:
    first = [row("1", "a b c d"), row("2", "a b c"), row("3", "")]
    second = [row("1", "a b c d"), row("2", "a b"), row("4", ""), row("5", "")]
    found = compared(first, second)

    assert (found.clips, found.only_first, found.only_second, found.other_reference) == (2, 1, 2, 0)
    assert (found.first, found.second) == (12.5, 25.0)


def test_clips_with_another_reference_are_counted_and_left_out() -> None:
    first = [row("1", "a b c d"), row("2", "a b", "a b")]
    second = [row("1", "a b c"), row("2", "a b", "a b c")]
    found = compared(first, second)

    assert (found.clips, found.only_first, found.only_second, found.other_reference) == (1, 0, 0, 1)
    assert (found.first, found.second) == (0.0, 25.0)


def test_repeated_audio_is_matched_by_its_own_id() -> None:
    found = compared([row("x", "a b c d"), row("x-2", "a b")], [row("x", "a b c d"), row("x-2", "a b c d")])
    fewer = compared([row("x", "a b c d"), row("x-2", "a b")], [row("x", "a b c d")])

    assert (found.clips, found.better, found.other_reference) == (2, 1, 0)
    assert (fewer.clips, fewer.only_first, fewer.only_second) == (1, 1, 0)


def test_without_a_clip_in_common_there_is_nothing_to_compare() -> None:
    assert compare([], []) is None
    assert compare([row("1", "a")], []) is None
    assert compare([row("1", "a")], [row("2", "a")]) is None
    assert compare([row("1", "a", "a b")], [row("1", "a", "a c")]) is None


@pytest.mark.parametrize(("speakers", "unit"), [(0, "utterances"), (8, "speakers")])
def test_the_better_system_is_told(speakers: int, unit: str) -> None:
    worse, better = many("a b", "a b c", speakers), many("a b c d", "a b c", speakers)
    found, back = compared(worse, better), compared(better, worse)

    assert found.resampled == unit
    assert found.difference.points == pytest.approx(-37.5)
    assert back.difference.points == pytest.approx(37.5)
    assert (found.better, found.worse, back.better, back.worse) == (30, 0, 0, 30)
    assert verdict(found, "new") == "new is better"
    assert verdict(back, "new") == "new is worse"


def test_equal_systems_show_no_difference() -> None:
    found = compared(many("a b", "a"), many("a b", "a"))

    assert (found.better, found.worse, found.difference) == (0, 0, Difference(0.0, Interval(0.0, 0.0), 1.0))
    assert verdict(found, "new") == "no difference beyond chance"


def test_a_difference_in_one_clip_of_forty_is_not_beyond_chance() -> None:
    found = compared(many("a b", "a b"), [row("00", "a b c d"), *many("a b", "a b")[1:]])

    assert found.better == 1
    assert verdict(found, "new") == "no difference beyond chance"


def test_one_clip_shows_nothing() -> None:
    found = compared([row("1", "a b c d")], [row("1", "")])

    assert found.difference == Difference(100.0, None, None)
    assert verdict(found, "new") == "too few clips to tell"


def test_where_the_tests_differ_is_told() -> None:
    first = [row("1", "a"), row("2", "a"), row("3", "a", "a"), row("4", "a")]
    second = [row("1", "a"), row("3", "a", "b"), row("4", "a"), row("5", "a"), row("6", "a")]
    reasons = "1 only in main, 2 only in new, 1 with another reference"

    assert (
        otherness(compared(first, second), "main", "new") == f"the test sets differ: {reasons}; compared on the other 2 clips"
    )
    assert otherness(compared(first, first), "main", "new") is None


def test_holm_by_hand() -> None:
    # The least times 4, the next times 3, and so on, and none under the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.04, 0.7]) == pytest.approx([1.0, 0.12, 1.0])
    assert holm([0.02, 0.02]) == pytest.approx([0.04, 0.04])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_what_nobody_can_tell_is_no_member_of_the_family() -> None:
    assert holm([None, 0.02, None, 0.03]) == [None, pytest.approx(0.04), None, pytest.approx(0.04)]
    assert holm([None]) == [None]


def test_the_corrected_p_decides_where_there_are_several() -> None:
    found = compared(many("a b", "a b c"), many("a b c d", "a b c"))

    assert (verdict(found, "new", 0.049), tone(found, 0.049)) == ("new is better", "better")
    assert (verdict(found, "new", 0.051), tone(found, 0.051)) == ("no difference beyond chance", "same")


def test_of_twenty_equal_systems_one_is_rarely_called_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "FEWEST_DRAWS", 200)
    monkeypatch.setattr(interval, "MOST_DRAWS", 200)
    random, families, speakers, clips = np.random.default_rng(1), 200, 20, 40
    corpus = Corpus.of([10] * clips, [str(clip % speakers) for clip in range(clips)])
    found = compared(many("a b", "a"), many("a b", "a"))
    alone = together = 0

    for _ in range(families):
        first, *others = random.binomial(10, 0.2, size=(21, clips)).tolist()
        changes = [replace(found, difference=corpus.difference(first, other)) for other in others]
        corrected = holm([change.difference.p for change in changes])
        alone += any(tone(change) != "same" for change in changes)
        together += any(tone(change, p) != "same" for change, p in zip(changes, corrected, strict=True))

    assert alone / families > 0.25
    assert together / families < 0.09
