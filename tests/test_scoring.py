"""Scores: errors by kind, of each utterance and of all together."""

import random

import pytest

from asr.scoring.align import Counts, Span, score
from asr.scoring.wer import load_error_rates

SAID = ["the cat sat on the mat", "good morning", "no", "", "a b c d"]
HEARD = ["the cat sat on mat", "", "no", "well", "a x c d e"]


def test_hits_substitutions_deletions_and_insertions_are_told_apart() -> None:
    utterances = score(["a b c", "d e", "f g", "h i"], ["a x c", "d", "f g z", "h i"]).utterances

    assert [utterance.words for utterance in utterances] == [
        Counts(hits=2, substitutions=1, deletions=0, insertions=0),
        Counts(hits=1, substitutions=0, deletions=1, insertions=0),
        Counts(hits=2, substitutions=0, deletions=0, insertions=1),
        Counts(hits=2, substitutions=0, deletions=0, insertions=0),
    ]


def test_errors_are_the_wrong_words_and_length_is_what_was_said() -> None:
    counts = Counts(hits=5, substitutions=2, deletions=1, insertions=4)

    assert (counts.errors, counts.length, counts.rate) == (7, 8, 87.5)


def test_utterances_stay_in_order() -> None:
    scored = score(SAID, HEARD)

    assert [utterance.reference for utterance in scored.utterances] == SAID
    assert [utterance.hypothesis for utterance in scored.utterances] == HEARD
    assert scored.errors == [1, 2, 0, 1, 2]
    assert scored.lengths == [6, 2, 1, 0, 4]


def test_characters_are_counted_with_the_spaces_between_words() -> None:
    (utterance,) = score(["ab cd"], ["abcx"]).utterances

    assert utterance.characters == Counts(hits=3, substitutions=1, deletions=1, insertions=0)


def test_the_corpus_is_the_sum_of_its_utterances() -> None:
    scored = score(SAID, HEARD)

    assert scored.words == Counts(hits=9, substitutions=1, deletions=3, insertions=2)
    assert (scored.words.errors, scored.words.length) == (sum(scored.errors), sum(scored.lengths))
    assert scored.characters.length == sum(len(text) for text in SAID)


def test_errors_are_divided_by_all_words_not_averaged_over_utterances() -> None:
    scored = score(
        ["one two three four five six seven eight nine", "ten"], ["one two three four five six seven eight nine", "x"]
    )

    assert scored.wer == pytest.approx(10)
    assert [utterance.words.rate for utterance in scored.utterances] == [0, 100]  # 50 on the average


def test_the_sums_agree_with_the_rates_of_evaluate() -> None:
    draw = random.Random(0)
    said = [" ".join(draw.choices("abcdefg", k=draw.randrange(12))) for _ in range(300)]
    heard = [" ".join(draw.choices("abcdefg", k=draw.randrange(12))) for _ in range(300)]
    rates = load_error_rates().compute(references=said, predictions=heard)
    scored = score(said, heard)

    assert scored.words.rate == pytest.approx(scored.wer) == pytest.approx(100 * rates["wer"])
    assert scored.characters.rate == pytest.approx(scored.cer) == pytest.approx(100 * rates["cer"])
    assert scored.mer == pytest.approx(100 * rates["mer"])
    assert scored.mer == pytest.approx(100 * scored.words.errors / (scored.words.errors + scored.words.hits))


def test_the_alignment_says_what_was_heard_instead_of_what() -> None:
    (utterance,) = score(["the cat sat on the mat"], ["a cat sat well on mat"]).utterances

    assert utterance.alignment == (
        Span("substitute", "the", "a"),
        Span("equal", "cat sat", "cat sat"),
        Span("insert", "", "well"),
        Span("equal", "on", "on"),
        Span("delete", "the", ""),
        Span("equal", "mat", "mat"),
    )


def test_the_alignment_holds_every_word() -> None:
    for utterance in score(SAID, HEARD).utterances:
        assert " ".join(step.said for step in utterance.alignment if step.said) == utterance.reference
        assert " ".join(step.heard for step in utterance.alignment if step.heard) == utterance.hypothesis


def test_nothing_heard_is_all_deletions() -> None:
    scored = score(["good morning"], [""])

    assert scored.words == Counts(hits=0, substitutions=0, deletions=2, insertions=0)
    assert scored.characters == Counts(hits=0, substitutions=0, deletions=12, insertions=0)
    assert (scored.wer, scored.cer, scored.mer) == (100, 100, 100)
    assert scored.utterances[0].alignment == (Span("delete", "good morning", ""),)


def test_what_is_heard_where_nothing_was_said_is_all_insertions() -> None:
    scored = score(["", "good morning"], ["thanks for watching", "good morning"])

    assert scored.words == Counts(hits=2, substitutions=0, deletions=0, insertions=3)
    assert scored.wer == 150
    assert scored.utterances[0].words.rate == 300
    assert scored.utterances[0].alignment == (Span("insert", "", "thanks for watching"),)


def test_a_corpus_in_which_nothing_was_said_counts_as_one_word() -> None:
    scored = score(["", ""], ["a b", "c"])

    assert (scored.wer, scored.words.rate, scored.mer) == (300, 300, 100)


def test_nothing_said_and_nothing_heard_is_right() -> None:
    scored = score([""], [""])

    assert (scored.wer, scored.cer, scored.mer) == (0, 0, 0)
    assert scored.words == scored.characters == Counts(0, 0, 0, 0)
    assert scored.utterances[0].alignment == ()


def test_no_utterances_score_nothing() -> None:
    scored = score([], [])

    assert (scored.utterances, scored.wer, scored.errors) == ((), 0, [])


def test_references_without_hypotheses_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths must match"):
        score(["a", "b"], ["a"])


def test_a_rate_goes_over_100() -> None:
    assert score(["no"], ["no no no no"]).wer == 300


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
    scored = score([said], [heard])

    assert (scored.words.errors, scored.characters.errors) == (words, characters)


def test_texts_are_compared_as_they_are() -> None:
    assert score(["Good morning."], ["good morning"]).words.errors == 2


def test_spaces_around_words_are_not_scored_as_words() -> None:
    assert score(["  good   morning "], ["good morning"]).words.errors == 0


def test_a_very_long_utterance_is_aligned() -> None:
    scored = score(["a b " * 5_000], ["b a " * 5_000])

    assert (scored.words.errors, scored.words.length) == (2, 10_000)
