"""Scores: corpus rates, errors by kind, both sides normalised."""

import pytest

from asr.manifest import TextEntry
from asr.scoring import predictions, score
from asr.text import basic_english, normalizer
from asr.wer import load_error_rates


def text(reference: str, raw: str) -> TextEntry:
    return TextEntry("id", "a.wav", reference, raw, None, {})


def test_errors_are_divided_by_all_words_not_averaged_over_utterances() -> None:
    rates = load_error_rates().compute(
        references=["one two three four five six seven eight nine", "ten"],
        predictions=["one two three four five six seven eight nine", "eleven"],
    )

    assert rates["wer"] == pytest.approx(1 / 10)  # the mean over utterances is 1 / 2


def test_substitutions_deletions_and_insertions_are_told_apart() -> None:
    rates = load_error_rates().compute(references=["a b c", "d e", "f g", "h i"], predictions=["a x c", "d", "f g z", "h y"])

    assert (rates["substitutions"], rates["deletions"], rates["insertions"], rates["words"]) == (2, 1, 1, 9)
    assert rates["wer"] == pytest.approx(4 / 9)


def test_hypotheses_are_normalised_and_the_raw_rate_stands_beside() -> None:
    result = score([text("good morning doctor", "Good morning, doctor!")], ["Good Morning, Doctor."], basic_english)

    assert (result.wer, result.cer) == (0.0, 0.0)
    assert result.raw_wer == 66.67
    assert (result.words, result.clips) == (3, 1)


def test_a_normaliser_that_changes_its_own_output_is_fair_to_a_perfect_model() -> None:
    whisper_english = normalizer("whisper_english")
    label = whisper_english("double oh seven")

    assert whisper_english(label) != label
    assert score([text(label, "double oh seven")], [label], whisper_english).wer == 0


def test_nothing_heard_is_all_deletions() -> None:
    result = score([text("good morning", "good morning")], ["..."], basic_english)

    assert (result.wer, result.deletions) == (100.0, 2)


def test_the_worst_prediction_comes_first() -> None:
    rows = predictions([text("a b", ""), text("c d e", ""), text("f", "")], ["a b", "x y", "g"], basic_english)

    assert [(row.reference, row.hypothesis, row.errors, row.words) for row in rows] == [
        ("c d e", "x y", 3, 3),
        ("f", "g", 1, 1),
        ("a b", "a b", 0, 2),
    ]
