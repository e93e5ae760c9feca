"""Loops: the same over and over, unless the speaker said so."""

import random
import time

import pytest

from asr.scoring.predictions import has_loop


@pytest.mark.parametrize(
    "hypothesis",
    [
        "thank you thank you thank you thank you",
        "we went home and and and and and and and and and and",
        "and then he said that it was that it was that it was that it was that it was",
        "ご視聴ありがとうご視聴ありがとうご視聴ありがとうご視聴ありがとう",
        "ha" * 12,
        "a" * 2_000,
        "well " + "hm " * 200 + "yes",
    ],
)
def test_four_times_the_same_in_a_row_is_a_loop(hypothesis: str) -> None:
    assert has_loop(hypothesis, "good morning")


@pytest.mark.parametrize(
    "hypothesis",
    [
        "",
        "good morning",
        "no no no no",
        "thank you thank you thank you",
        "the cat sat on the mat and the dog sat on the mat and the cat sat on the dog",
        "a" * 23,
    ],
)
def test_less_is_none(hypothesis: str) -> None:
    assert not has_loop(hypothesis, "good morning")


def test_who_says_it_over_and_over_is_heard_right() -> None:
    said = "knock " * 8

    assert not has_loop(said, said)
    assert has_loop(said, "knock knock")


def test_a_loop_of_long_words_is_found_after_one_of_short_words() -> None:
    assert has_loop("no no no no " + "we are going home now " * 4, "no no no no we are going home now")


@pytest.mark.parametrize("letters", ["a", "ab", "abc ", "ab" * 39 + "c"])
def test_2000_characters_of_any_kind_take_no_time(letters: str) -> None:
    draw = random.Random(0)
    texts = ["".join(draw.choices(letters, k=2_000)), (letters * 2_000)[:2_000], ((letters * 80)[:79] * 3 + "x") * 8]
    start = time.process_time()
    for text in texts:
        has_loop(text, text)

    assert time.process_time() - start < 1
