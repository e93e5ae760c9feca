"""Outliers: a transcript that is far from the rest is warned of, and one that is merely fast or slow is not."""

from dataclasses import replace

import pytest

from asr.base.entries import Clip
from asr.recordings.outliers import fastest_pace, outliers

SENTENCE = "the heart rate is ninety one"


def clip(number: int, text: str = SENTENCE, seconds: float = 2.0, language: str | None = None) -> Clip:
    return Clip(str(number), number, "a.wav", "0", seconds, 16_000, 1, text, None, {}, language=language)


def usual(count: int = 40, language: str | None = None, text: str = SENTENCE) -> list[Clip]:
    return [clip(number, text, 1.5 + number % 10 / 10, language) for number in range(count)]


def reasons(clips: list[Clip]) -> dict[str, list[str]]:
    return {clip_id: [finding.reason for finding in found] for clip_id, found in outliers(clips).items()}


@pytest.mark.parametrize(
    ("text", "seconds", "detail"),
    [
        ("yes yes", 9.0, "0.7 characters a second, where 11.5 are usual"),
        (SENTENCE * 9, 2.0, "103.5 characters a second, where 12.1 are usual"),
        (SENTENCE, 28.0, "0.8 characters a second, where 11.5 are usual"),
    ],
)
def test_a_transcript_that_is_not_this_clips_is_warned_of(text: str, seconds: float, detail: str) -> None:
    (finding,) = outliers([*usual(), clip(99, text, seconds)])["99"]

    assert (finding.severity, finding.reason) == ("warn", "transcript of another length")
    assert finding.detail == detail


def test_fast_and_slow_speech_is_not() -> None:
    assert reasons([*usual(), clip(98, SENTENCE, 1.0), clip(99, SENTENCE, 5.0)]) == {}


@pytest.mark.parametrize(("seconds", "is_far"), [(0.65, True), (0.7, False), (5.8, False), (6.2, True)])
def test_three_times_the_usual_rate_is_far_where_all_are_alike(seconds: float, is_far: bool) -> None:
    alike = [clip(number) for number in range(40)]

    assert ("99" in reasons([*alike, clip(99, SENTENCE, seconds)])) == is_far


@pytest.mark.parametrize(("times_slower", "is_far"), [(30, False), (100, True)])
def test_six_deviations_are_far_where_rates_differ(times_slower: int, is_far: bool) -> None:
    differing = [clip(number, SENTENCE, 1.1 ** (number % 21)) for number in range(63)]  # 0.69 each: 6 are a factor of 61

    assert ("99" in reasons([*differing, clip(99, SENTENCE, times_slower * 1.1**10)])) == is_far


def test_where_rates_differ_widely_nothing_is_far_from_the_rest() -> None:
    widely = [clip(number, SENTENCE, 0.5 * 1.2 ** (number % 20)) for number in range(60)]

    assert reasons(widely) == {}


def test_few_clips_say_nothing_of_what_is_usual() -> None:
    assert reasons([*usual(18), clip(99, SENTENCE * 9)]) == {}
    assert reasons([*usual(19), clip(99, SENTENCE * 9)]).keys() == {"99"}


def test_timestamps_are_no_characters_that_are_said() -> None:
    marked = "".join(f"<|{number}.00|> {word}" for number, word in enumerate(SENTENCE.split()))

    assert reasons([*usual(), clip(99, marked)]) == {}


def test_another_script_is_warned_of() -> None:
    (finding,) = outliers([*usual(), clip(99, "частота пульса девяносто")])["99"]

    assert (finding.severity, finding.reason) == ("warn", "other script than the set's")
    assert finding.detail == "cyrillic letters, where the set has latin"


def test_a_word_of_another_script_is_not() -> None:
    assert reasons([*usual(), clip(99, "the heart rate of Мария is one")]) == {}


def test_as_many_letters_of_another_script_are_not() -> None:
    assert reasons([*usual(), clip(99, "the rates go пульса один")]) == {}
    assert reasons([*usual(), clip(99, "the rate is пульса один")]).keys() == {"99"}


def test_the_script_of_most_foreign_letters_is_named() -> None:
    (finding,) = outliers([*usual(), clip(99, "αβγ частота пульса сто ωψ")])["99"]

    assert finding.detail == "cyrillic letters, where the set has latin"


def test_figures_are_of_no_script() -> None:
    assert reasons([*usual(), clip(99, "11 22 33 44 55 66 77 88 99")]) == {}


def test_a_set_of_two_scripts_has_both() -> None:
    assert reasons([*usual(), *(clip(100 + number, "частота пульса сто") for number in range(10))]) == {}


def test_the_scripts_of_japanese_are_one() -> None:
    text = "心拍数は91です、メモを取って"
    kana = "メモメモメモメモです"

    assert reasons([*usual(40, text=text), clip(99, kana, 2.0)]) == {}


def test_the_scripts_of_korean_are_one() -> None:
    assert reasons([*usual(40, text="심박수는 분당 구십일 회입니다"), clip(99, "心拍數每分九十一回測定", 2.0)]) == {}


def test_each_language_is_looked_at_by_itself() -> None:
    russian = [clip(100 + number, "частота пульса сто", 2.0, "ru") for number in range(2)]

    assert reasons([*usual(40, "en"), *russian]) == {}
    assert reasons([*usual(40, None), *[clip(each.line, each.text, 2.0) for each in russian]]).keys() == {"100", "101"}


@pytest.mark.parametrize("count", [1, 40])
def test_more_text_than_there_is_sound_for_is_noted(count: int) -> None:
    whole = [replace(each, sounding_seconds=each.seconds - 0.2) for each in usual(count)]
    thump = replace(clip(99, SENTENCE, 2.0), sounding_seconds=0.13)

    (finding,) = outliers([*whole, thump])["99"]

    assert (finding.severity, finding.reason) == ("note", "more text than sound")
    assert finding.detail == "177 characters for each of the 0.13 s that aren't silence"
    assert reasons(whole) == {}


def test_the_fastest_pace_is_in_bytes_and_no_wrong_transcript_makes_it() -> None:
    def written(text: str, language: str | None) -> str:
        return text

    wrong = clip(400, SENTENCE * 99, 0.5)
    assert fastest_pace([clip(number, "a" * 39) for number in range(300)], written) == 20
    assert fastest_pace([*(clip(number, "a" * 39) for number in range(300)), wrong], written) == 20
    assert fastest_pace([clip(number, "สวัสดี") for number in range(30)], written) == 10  # 18 bytes in two seconds
    assert fastest_pace([clip(number, "a" * 10) for number in range(30)], lambda text, language: text * 7) == 40
    assert fastest_pace([clip(1, "")], written) == fastest_pace([], written) == 10
