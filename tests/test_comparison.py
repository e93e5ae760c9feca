"""Comparisons: two systems on the clips that both have heard."""

from dataclasses import replace

import numpy as np
import pytest

from asr.report.comparison import Chances, Comparison, compare, finding, holm, otherness, tone
from asr.report.figures import verdict
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


SURE = ("better", "worse")


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

    assert (found.better, found.worse, found.same, found.difference) == (0, 0, 40, Difference(0.0, None, 1.0))
    assert (finding(found), tone(found)) == ("identical", "same")
    assert verdict(found, "new") == "identical: the same hypothesis in each of the 40 clips"


def test_a_difference_in_one_clip_of_forty_is_not_beyond_chance() -> None:
    found = compared(many("a b", "a b"), [row("00", "a b c d"), *many("a b", "a b")[1:]])

    assert found.better == 1
    assert verdict(found, "new") == "no difference beyond chance"


def test_one_clip_shows_nothing() -> None:
    found = compared([row("1", "a b c d")], [row("1", "")])

    assert found.difference == Difference(100.0, None, None)
    assert verdict(found, "new") == "1 clip is too few for an interval: 5 or more test clips give one"


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

    likely, unlikely = Chances(0.044, 1.0), Chances(0.046, 1.0)

    assert (verdict(found, "new", likely), tone(found, likely)) == ("new is better", "better")
    assert (verdict(found, "new", unlikely), tone(found, unlikely)) == ("not quite sure: one of several comparisons", "unsure")
    assert finding(found, Chances(0.046, 0.004)) == "better in most clips"


def test_an_interval_that_barely_leaves_out_0_is_not_enough_beside_a_sign_test() -> None:
    found = replace(compared(many("a b", "a b c"), many("a b c d", "a b c")), better=9, worse=8)
    close = replace(found, difference=Difference(-5.0, Interval(-9.9, -0.1), 0.047))

    assert (verdict(close, "new"), tone(close)) == ("not quite sure: the interval leaves out 0 by a hair", "unsure")


def test_of_twenty_equal_systems_one_is_rarely_called_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "FEWEST_DRAWS", 200)
    monkeypatch.setattr(interval, "MOST_DRAWS", 200)
    random, families, speakers, clips = np.random.default_rng(1), 200, 20, 40
    corpus = Corpus.of([10] * clips, [str(clip % speakers) for clip in range(clips)])
    found = replace(compared(many("a b", "a"), many("a b c", "a b")), groups=speakers)
    alone = together = 0

    for _ in range(families):
        first, *others = random.binomial(10, 0.2, size=(21, clips)).tolist()
        changes = [replace(found, difference=corpus.difference(first, other)) for other in others]
        corrected = holm([change.difference.p for change in changes])
        alone += any(tone(change) in SURE for change in changes)
        together += any(
            tone(change, Chances(p, change.chances.signs)) in SURE for change, p in zip(changes, corrected, strict=True)
        )

    assert alone / families > 0.25
    assert together / families < 0.09


def by_speakers(errors: list[tuple[int, int]], speakers: int) -> Comparison:
    """Both systems' errors of 20 words in each clip; clips are dealt out to speakers in turn."""
    names = [str(n % speakers) if speakers else None for n in range(len(errors))]
    rows = [row(f"{n:03}", "", speaker=names[n]) for n in range(len(errors))]
    first, second = (
        [replace(each, hypothesis=f"{which} {each.id}", errors=errors[n][which], words=20) for n, each in enumerate(rows)]
        for which in (0, 1)
    )
    return compared(first, second)


WORSE_IN_27 = [(1, 2)] * 27 + [(2, 1)] * 4 + [(1, 1)] * 9


def test_by_two_speakers_only_their_clips_are_judged() -> None:
    found = by_speakers(WORSE_IN_27, 2)

    assert (found.groups, found.speakers, found.difference.interval) == (2, 2, None)
    assert (finding(found), tone(found)) == ("worse in most clips", "unsure")
    assert verdict(found, "new") == (
        "new is worse in 27 clips and better in 4, more than by chance on these speakers' clips (sign test, p under 0.001); "
        "2 speakers are too few to tell of others: 5 or more give an interval"
    )


def test_where_their_clips_do_not_point_one_way_it_says_what_would_help() -> None:
    found = by_speakers([(1, 2), (2, 1), (1, 1), (3, 2)] * 10, 2)

    assert (finding(found), tone(found)) == ("too few to tell", "unsure")
    assert verdict(found, "new") == "2 speakers are too few for an interval: 5 or more test speakers give one"


def test_clips_by_nobody_known_are_counted_beside_the_speakers() -> None:
    rows = [row(str(n), "a b"[: 1 + 2 * (n % 2)], speaker=None if n == 3 else "ab"[n % 2]) for n in range(8)]
    found = compared(rows, [replace(each, hypothesis="", errors=each.errors + n % 2) for n, each in enumerate(rows)])

    assert verdict(found, "new").startswith("2 speakers and 1 clip by nobody known are too few for an interval")


def test_clips_that_point_one_way_are_told_where_the_interval_is_too_wide_as_well() -> None:
    told = verdict(by_speakers([(1, 2)] * 27 + [(60, 1), *[(2, 1)] * 3] + [(1, 1)] * 9, 8), "new")

    assert told == (
        "new is worse in 27 clips and better in 4, more than by chance on these speakers' clips (sign test, p under 0.001), "
        "though it makes fewer errors in all; for other speakers the difference in WER may be chance"
    )


def test_without_speakers_the_clips_signs_are_of_clips() -> None:
    told = verdict(by_speakers([(1, 2)] * 27 + [(60, 1), *[(2, 1)] * 3] + [(1, 1)] * 9, 0), "new")

    assert told.endswith("(sign test, p under 0.001), though it makes fewer errors in all; the difference in WER may be chance")


def test_one_clip_that_loops_hides_any_difference() -> None:
    found = by_speakers([(2, 3), (3, 2), (1, 1)] * 10 + [(1, 200)], 8)

    assert found.heaviest == "clip"
    assert (finding(found), tone(found)) == ("too uncertain to tell", "unsure")
    assert verdict(found, "new") == "too uncertain to tell: one clip has more than half of the errors by which the two differ"


def test_so_does_one_speaker() -> None:
    found = by_speakers([(2, 3), (3, 2), (1, 1), (2, 2), (3, 2), (2, 3), (2, 12), (1, 2)] * 6, 8)

    assert (
        verdict(found, "new") == "too uncertain to tell: one speaker has more than half of the errors by which the two differ"
    )


def test_an_interval_too_wide_to_find_half_of_the_errors_found_nothing() -> None:
    wide = by_speakers([(1, 3), (3, 1), (0, 2), (4, 2), (2, 4), (3, 3)] * 2, 6)
    narrow = by_speakers([(4, 5), (5, 4), (4, 4), (6, 5), (5, 6), (4, 4)] * 8, 6)

    assert verdict(wide, "new") == "too uncertain to tell: 50 % of the errors, more or less, may be chance with 6 speakers"
    assert (verdict(narrow, "new"), tone(narrow)) == ("no difference beyond chance", "same")


def test_an_interval_of_a_point_tells_however_few_the_errors() -> None:
    found = by_speakers([(1, 0), (0, 1)] + [(0, 0)] * 300, 10)

    assert max(found.first, found.second) < 0.1
    assert verdict(found, "new") == "no difference beyond chance"


def test_as_many_errors_in_each_clip_are_no_identical_hypotheses() -> None:
    found = by_speakers([(1, 1), (2, 2)] * 10, 5)

    assert found.same == 0
    assert verdict(found, "new") == "as many errors in each of the 20 clips, though not the same ones"


def test_where_all_speakers_differ_alike_nobody_knows_how_far_others_would() -> None:
    told = verdict(by_speakers([(1, 2)] * 5, 5), "new")

    assert told == "too uncertain to tell: 5 speakers differ alike, and how far others would is unknown"


def test_of_one_speaker_it_is_said_whose_clips_they_are() -> None:
    found = by_speakers([(5, 1), (6, 3), (4, 2), (7, 2)] * 10, 1)

    assert verdict(found, "new") == "new is better for the one speaker tested"


def test_what_a_few_clips_gain_does_not_hide_that_most_became_worse() -> None:
    found = by_speakers([(12, 1)] * 29 + [(9, 1)] + [(1, 2)] * 70, 10)

    assert verdict(found, "new") == "new is better, though worse in 70 clips and better in 30"
