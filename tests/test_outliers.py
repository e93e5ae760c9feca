"""Outliers: a transcript that is far from the rest is warned of, and one that is merely fast or slow is not."""

import pytest

from asr.base.entries import Clip
from asr.recordings.outliers import outliers

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


def test_where_rates_differ_widely_nothing_is_far_from_the_rest() -> None:
    widely = [clip(number, SENTENCE, 0.5 * 1.2 ** (number % 20)) for number in range(60)]

    assert reasons(widely) == {}


def test_few_clips_say_nothing_of_what_is_usual() -> None:
    assert reasons([*usual(18), clip(99, SENTENCE * 9)]) == {}


def test_timestamps_are_no_characters_that_are_said() -> None:
    marked = "".join(f"<|{number}.00|> {word}" for number, word in enumerate(SENTENCE.split()))

    assert reasons([*usual(), clip(99, marked)]) == {}


def test_another_script_is_warned_of() -> None:
    (finding,) = outliers([*usual(), clip(99, "частота пульса девяносто")])["99"]

    assert (finding.severity, finding.reason) == ("warn", "other script than the set's")
    assert finding.detail == "cyrillic letters, where the set has latin"


def test_a_word_of_another_script_is_not() -> None:
    assert reasons([*usual(), clip(99, "the heart rate of Мария is one")]) == {}


def test_a_set_of_two_scripts_has_both() -> None:
    assert reasons([*usual(), *(clip(100 + number, "частота пульса сто") for number in range(10))]) == {}


def test_the_scripts_of_japanese_are_one() -> None:
    text = "心拍数は91です、メモを取って"
    kana = "メモメモメモメモです"

    assert reasons([*usual(40, text=text), clip(99, kana, 2.0)]) == {}


def test_each_language_is_looked_at_by_itself() -> None:
    russian = [clip(100 + number, "частота пульса сто", 2.0, "ru") for number in range(2)]

    assert reasons([*usual(40, "en"), *russian]) == {}
    assert reasons([*usual(40, None), *[clip(each.line, each.text, 2.0) for each in russian]]).keys() == {"100", "101"}
