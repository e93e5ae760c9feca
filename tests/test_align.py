"""Scores: errors by kind, of each utterance and of all together."""

import random
from dataclasses import astuple

import pytest

from asr.scoring.align import Counts, Span, align
from asr.scoring.wer import error_rates, load_error_rates

SAID = ["the cat sat on the mat", "good morning", "no", "", "a b c d"]
HEARD = ["the cat sat on mat", "", "no", "well", "a x c d e"]


def corpus(said: list[str], heard: list[str]) -> Counts:
    counts = [astuple(utterance.counts) for utterance in align(said, heard)]
    return Counts(*map(sum, zip(*counts, strict=True)))


def percent(said: list[str], heard: list[str]) -> tuple[float, float, float]:
    """WER, CER and MER."""
    rates = error_rates(predictions=heard, references=said)
    return 100 * rates["wer"], 100 * rates["cer"], 100 * rates["mer"]


def test_hits_substitutions_deletions_and_insertions_are_told_apart() -> None:
    utterances = align(["a b c", "d e", "f g", "h i"], ["a x c", "d", "f g z", "h i"])

    assert [utterance.counts for utterance in utterances] == [
        Counts(hits=2, substitutions=1, deletions=0, insertions=0),
        Counts(hits=1, substitutions=0, deletions=1, insertions=0),
        Counts(hits=2, substitutions=0, deletions=0, insertions=1),
        Counts(hits=2, substitutions=0, deletions=0, insertions=0),
    ]


def test_errors_are_the_wrong_words_and_length_is_what_was_said() -> None:
    counts = Counts(hits=5, substitutions=2, deletions=1, insertions=4)

    assert (counts.errors, counts.length) == (7, 8)


def test_utterances_stay_in_order() -> None:
    utterances = align(SAID, HEARD)

    assert [utterance.reference for utterance in utterances] == SAID
    assert [utterance.hypothesis for utterance in utterances] == HEARD
    assert [utterance.counts.errors for utterance in utterances] == [1, 2, 0, 1, 2]
    assert [utterance.counts.length for utterance in utterances] == [6, 2, 1, 0, 4]


def test_characters_are_counted_with_the_spaces_between_words() -> None:
    assert percent(["ab cd"], ["abcx"])[1] == 40  # a substitution and a deletion in five


def test_the_corpus_is_the_sum_of_its_utterances() -> None:
    assert corpus(SAID, HEARD) == Counts(hits=9, substitutions=1, deletions=3, insertions=2)


def test_errors_are_divided_by_all_words_not_averaged_over_utterances() -> None:
    said, heard = ["one two three four five six seven eight nine", "ten"], ["one two three four five six seven eight nine", "x"]

    assert percent(said, heard)[0] == 10
    assert [percent([one], [other])[0] for one, other in zip(said, heard, strict=True)] == [0, 100]  # 50 on the average


def test_the_sums_agree_with_the_rates_of_evaluate() -> None:
    draw = random.Random(0)
    said = [" ".join(draw.choices("abcdefg", k=draw.randrange(12))) for _ in range(300)]
    heard = [" ".join(draw.choices("abcdefg", k=draw.randrange(12))) for _ in range(300)]
    rates = load_error_rates().compute(references=said, predictions=heard)
    words = corpus(said, heard)

    assert words.errors / words.length == pytest.approx(rates["wer"])
    assert 100 * words.errors / (words.errors + words.hits) == pytest.approx(100 * rates["mer"])
    assert rates == pytest.approx(error_rates(heard, said))


def test_the_alignment_says_what_was_heard_instead_of_what() -> None:
    (utterance,) = align(["the cat sat on the mat"], ["a cat sat well on mat"])

    assert utterance.alignment == (
        Span("substitute", "the", "a"),
        Span("equal", "cat sat", "cat sat"),
        Span("insert", "", "well"),
        Span("equal", "on", "on"),
        Span("delete", "the", ""),
        Span("equal", "mat", "mat"),
    )


def test_the_alignment_holds_every_word() -> None:
    for utterance in align(SAID, HEARD):
        assert " ".join(span.said for span in utterance.alignment if span.said) == utterance.reference
        assert " ".join(span.heard for span in utterance.alignment if span.heard) == utterance.hypothesis


def test_nothing_heard_is_all_deletions() -> None:
    assert corpus(["good morning"], [""]) == Counts(hits=0, substitutions=0, deletions=2, insertions=0)
    assert percent(["good morning"], [""]) == (100, 100, 100)
    assert align(["good morning"], [""])[0].alignment == (Span("delete", "good morning", ""),)


def test_what_is_heard_where_nothing_was_said_is_all_insertions() -> None:
    said, heard = ["", "good morning"], ["thanks for watching", "good morning"]
    first = align(said, heard)[0]

    assert corpus(said, heard) == Counts(hits=2, substitutions=0, deletions=0, insertions=3)
    assert percent(said, heard)[0] == 150
    assert percent(said[:1], heard[:1])[0] == 300
    assert first.alignment == (Span("insert", "", "thanks for watching"),)


def test_a_corpus_in_which_nothing_was_said_counts_as_one_word() -> None:
    said, heard = ["", ""], ["a b", "c"]
    wer, _, mer = percent(said, heard)

    assert (wer, corpus(said, heard).errors, mer) == (300, 3, 100)


def test_nothing_said_and_nothing_heard_is_right() -> None:
    assert percent([""], [""]) == (0, 0, 0)
    assert corpus([""], [""]) == Counts(0, 0, 0, 0)
    assert align([""], [""])[0].alignment == ()


def test_no_utterances_score_nothing() -> None:
    assert align([], []) == []
    assert percent([], []) == (0, 0, 0)


def test_references_without_hypotheses_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths must match"):
        align(["a", "b"], ["a"])


def test_a_rate_goes_over_100() -> None:
    assert percent(["no"], ["no no no no"])[0] == 300


@pytest.mark.parametrize(
    ("said", "heard", "words", "characters"),
    [
        ("नमस्ते दुनिया", "नमस्ते दुनियां", 1, 1),
        ("مرحبا بكم", "مرحبا", 1, 4),
        ("今日は天気がいい", "今日は電気がいい", 1, 1),
        ("привет мир", "привет, мир", 1, 1),
        ("👍🏽 ok", "ok", 1, 3),
    ],
)
def test_every_script_is_scored(said: str, heard: str, words: int, characters: int) -> None:
    assert corpus([said], [heard]).errors == words
    assert percent([said], [heard])[1] == pytest.approx(100 * characters / len(said))


def test_texts_are_compared_as_they_are() -> None:
    assert corpus(["Good morning."], ["good morning"]).errors == 2


def test_spaces_around_words_are_not_scored_as_words() -> None:
    assert corpus(["  good   morning "], ["good morning"]).errors == 0


def test_a_very_long_utterance_is_aligned() -> None:
    counts = corpus(["a b " * 5_000], ["b a " * 5_000])

    assert (counts.errors, counts.length) == (2, 10_000)
