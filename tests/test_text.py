"""Text normalisers, case by case."""

import pytest

from asr.base.errors import DataError
from asr.base.text import lost_letter_share, normalizer, normalizer_of_labels, require_text_kept


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("basic_english", "Hi,  how ARE you? It's 5pm.", "hi how are you its 5pm"),
        ("basic_english", "مرحبا", ""),
        ("whisper_english", "Mr. Brown isn't coming to the colour centre", "mister brown is not coming to the color center"),
        ("whisper_english", "twenty five", "25"),
        ("multilingual", "L'été, ça va? ÇA VA!", "lété ça va ça va"),
        ("multilingual", "नमस्ते, दुनिया।", "नमस्ते दुनिया"),
        ("multilingual", "مَرْحَبًا بِكُم!", "مَرْحَبًا بِكُم"),
        ("multilingual", "می\u200cخواهم", "میخواهم"),
        ("multilingual", "room ４２ / ٤٢", "room ４２ ٤٢"),
        ("multilingual", "null", "null"),
        ("none", "  As It Is. ", "As It Is."),
    ],
)
def test_normalizer(name: str, text: str, expected: str) -> None:
    assert normalizer(name)(text) == expected  # type: ignore[arg-type]


def test_a_decomposed_letter_equals_a_composed_one() -> None:
    normalize = normalizer("multilingual")

    assert normalize("e\u0301te\u0301") == normalize("été")


def test_an_english_normalizer_on_arabic_is_refused_and_a_better_one_named() -> None:
    with pytest.raises(DataError, match=r"basic_english empties 3 of 4 transcripts .* set text.normalizer to multilingual"):
        require_text_kept(["hello", "مرحبا", "شكرا", "نعم"], "basic_english")


def test_two_percent_may_be_emptied() -> None:
    require_text_kept(["hello"] * 98 + ["نعم"] * 2, "basic_english")
    with pytest.raises(DataError):
        require_text_kept(["hello"] * 97 + ["نعم"] * 3, "basic_english")


def test_lost_letters_are_measured() -> None:
    assert lost_letter_share(["été"], normalizer("basic_english")) == pytest.approx(2 / 3)
    assert lost_letter_share(["it's"], normalizer("basic_english")) == 0


def test_timestamps_are_not_scored_but_stay_for_labels() -> None:
    text = "<|0.00|> Hello, <|1.20|><|1.40|> World!<|2.00|>"

    assert normalizer("basic_english")(text) == "hello world"
    assert normalizer_of_labels("basic_english")(text) == "<|0.00|> hello<|1.20|><|1.40|> world<|2.00|>"
    assert normalizer_of_labels("basic_english")("Hello, <|World!") == "hello world"
