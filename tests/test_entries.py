"""Test sets: which names they may have, and transcripts written and read."""

from pathlib import Path

import pytest

from asr.base.entries import Clip, TextEntry, View, part_of, read_texts, text_entries
from asr.base.errors import DataError
from asr.base.files import write_rows
from asr.base.sections import parse
from commands.check import Evaluate


def evaluate(*names: str, max_regression: object = None) -> Evaluate:
    return parse(
        Evaluate,
        {"sets": dict.fromkeys(names, "a.csv"), "validation_share": 0.25, "max_regression": max_regression},
        "params.yaml",
    )


def test_any_number_of_sets_may_be_tested() -> None:
    assert evaluate().sets == {}
    assert evaluate("clean", "phone-2", "test_2").sets == {"clean": "a.csv", "phone-2": "a.csv", "test_2": "a.csv"}


@pytest.mark.parametrize("name", ["", "Clean", "two words", "a/b", "..", "été", "clean\n"])
def test_a_name_is_of_small_letters_digits_and_dashes(name: str) -> None:
    with pytest.raises(DataError, match="String should match pattern"):
        evaluate(name)


def test_no_set_is_called_as_the_test_split() -> None:
    with pytest.raises(DataError, match="sets: test is the test split's name: give the set another"):
        evaluate("clean", "test")


def test_a_set_may_become_worse_by_no_less_than_nothing() -> None:
    assert evaluate(max_regression=None).max_regression is None
    assert evaluate(max_regression=0).max_regression == 0
    assert evaluate(max_regression=1.5).max_regression == 1.5
    with pytest.raises(DataError, match="max_regression: Input should be greater than or equal to 0, got -1"):
        evaluate(max_regression=-1)


def test_what_is_learned_stands_beside_the_transcript_as_it_was() -> None:
    clip = Clip("id", 2, "a.wav", "hash", 1.0, 16_000, 1, "Good morning!", "ann", {"accent": "north"}, language="nl")

    assert text_entries("clean", [clip], lambda text, language: f"{language}: {text}") == [
        TextEntry("clean", "id", "a.wav", "nl: Good morning!", "Good morning!", "ann", "nl")
    ]


def test_transcripts_are_read_by_set(tmp_path: Path) -> None:
    file = tmp_path / "text.jsonl"
    write_rows(
        file,
        [
            TextEntry("b", "1", "1.wav", "one", "One", None),
            TextEntry("a", "2", "2.wav", "zwei", "Zwei\u2028", "ann"),
            TextEntry("b", "1", "1.wav", "one", "One", None),
        ],
    )
    one = TextEntry("b", "1", "1.wav", "one", "One", None)

    assert read_texts(file) == {
        "b": [one, one],
        "a": [TextEntry("a", "2", "2.wav", "zwei", "Zwei\u2028", "ann")],
    }


def test_without_sets_the_file_is_empty(tmp_path: Path) -> None:
    write_rows(tmp_path / "text.jsonl", [])

    assert read_texts(tmp_path / "text.jsonl") == {}


@pytest.mark.parametrize(
    ("view", "written"),
    [
        (View(), "a.wav"),
        (View(1.5, 4.0), "a.wav#t=1.5,4"),
        (View(1.5), "a.wav#t=1.5"),
        (View(10800.25, 10803.5), "a.wav#t=10800.25,10803.5"),
        (View(3728.4567, 3730.0), "a.wav#t=3728.4567,3730"),
        (View(end=4.0), "a.wav#t=0,4"),
        (View(1.5, 4.0, 1), "a.wav#t=1.5,4&channel=1"),
        (View(channel=0), "a.wav#channel=0"),
    ],
)
def test_a_part_of_a_file_is_written_as_a_browser_plays_it(view: View, written: str) -> None:
    assert part_of("a.wav", view) == written
