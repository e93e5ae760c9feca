"""Predictions: a row for each clip, and what they come to."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from asr.base.entries import TextEntry
from asr.base.files import write_rows
from asr.base.text import Normalization
from asr.model.transcribe import Hypothesis
from asr.scoring.align import Span
from asr.scoring.evaluation import predictions, summary
from asr.scoring.predictions import Prediction, Summary, by_set, corpus, parse_predictions

ENGLISH = Normalization("basic_english")


def text(reference: str, raw: str = "", path: str = "a.wav", speaker: str | None = None) -> TextEntry:
    return TextEntry("test", path, path, reference, raw or reference, speaker)


def heard(*texts: str) -> list[Hypothesis]:
    return [Hypothesis(each, is_cut_off=False) for each in texts]


def rows_of(said: list[str], found: list[str], normalization: Normalization = ENGLISH) -> list[Prediction]:
    return predictions("test", [text(each) for each in said], [1.0] * len(said), heard(*found), normalization)


def test_a_row_says_what_was_said_and_heard() -> None:
    entry = TextEntry("test", "id-2", "b.wav", "good morning doctor", "Good morning, doctor!", "ann")

    assert predictions("clean", [entry], [2.3456], [Hypothesis("Good Morning, Docter.", is_cut_off=True)], ENGLISH) == [
        Prediction(
            dataset="clean",
            id="id-2",
            path="b.wav",
            speaker="ann",
            language="en",
            seconds=2.35,
            reference="good morning doctor",
            hypothesis="good morning docter",
            raw_reference="Good morning, doctor!",
            raw_hypothesis="Good Morning, Docter.",
            metric="WER",
            errors=1,
            words=3,
            substitutions=1,
            deletions=0,
            insertions=0,
            is_cut_off=True,
            has_loop=False,
            alignment=(Span("equal", "good morning", "good morning"), Span("substitute", "doctor", "docter")),
        )
    ]


def test_most_errors_come_first_and_equals_by_path() -> None:
    texts = [text("a b", path="4"), text("c d e", path="3"), text("f", path="2"), text("g", path="1")]
    rows = predictions("test", texts, [1.0] * 4, heard("a b", "x y", "x", "x"), ENGLISH)

    assert [(row.path, row.errors, row.words) for row in rows] == [("3", 3, 3), ("1", 1, 1), ("2", 1, 1), ("4", 0, 2)]


def test_as_many_hypotheses_as_texts_are_asked_for() -> None:
    with pytest.raises(ValueError, match="zip"):
        predictions("test", [text("a")], [1.0], heard("a", "b"), ENGLISH)
    with pytest.raises(ValueError, match="zip"):
        predictions("test", [text("a")], [1.0, 1.0], heard("a"), ENGLISH)


def test_a_label_and_its_transcript_come_to_the_same() -> None:
    whisper_english = Normalization("whisper_english")
    label = whisper_english.normalized("double oh seven")
    (row,) = predictions("test", [text(label, "double oh seven")], [1.0], heard("0, 0, 8"), whisper_english)

    assert (label, row.reference, row.hypothesis, row.errors, row.words) == ("007", "0 0 7", "0 0 8", 1, 3)


def test_what_scoring_ignores_is_counted_by_clips_in_transcripts_and_hypotheses() -> None:
    rows = rows_of(["Um, uh, a 5 mm nodule", "hmm yes", "no"], ["a 5 mm nodule", "mhm yes", "um um no"], Normalization("auto"))
    result = summary(rows)

    assert {row.raw_reference: (row.ignored_in_reference, row.ignored_in_hypothesis) for row in rows} == {
        "Um, uh, a 5 mm nodule": (2, 0), "hmm yes": (1, 1), "no": (0, 2),
    }  # fmt: skip
    assert (result.wer, result.ignored_references, result.ignored_hypotheses) == (0, 2, 2)


def test_a_wrong_word_in_brackets_is_an_error_and_a_right_one_without_is_none() -> None:
    rows = rows_of(["take (aspirin) now"] * 2, ["take [ibuprofen] now", "take aspirin now"], Normalization("auto"))

    assert [(row.hypothesis, row.errors) for row in rows] == [("take ibuprofen now", 1), ("take aspirin now", 0)]


def test_timestamps_are_no_part_of_what_was_said() -> None:
    (row,) = predictions("test", [text("hello", "<|0.00|> Hello!<|1.20|>")], [1.0], heard("Hello!"), ENGLISH)

    assert row.raw_reference == "Hello!"
    assert summary([row]).raw_wer == 0


def test_a_loop_that_was_not_said_is_told() -> None:
    rows = rows_of(["thank you", "knock " * 10], ["Thank you. " * 6, "knock " * 10])

    assert [row.has_loop for row in rows] == [True, False]


def test_a_loop_that_decoding_ended_counts_whatever_its_text_is_normalised_to() -> None:
    ended = [Hypothesis("zero " * 24, is_cut_off=False, has_loop=True)] * 2
    entries = [text("how are you", "How are you?"), text("0" * 24, "zero " * 24)]

    rows = predictions("test", entries, [1.0] * 2, ended, ENGLISH)

    assert {row.reference: row.has_loop for row in rows} == {"how are you": True, "0" * 24: False}


def test_predictions_are_parted_by_set_in_the_order_given() -> None:
    (row,) = rows_of(["a"], ["a"])
    rows = [replace(row, dataset=dataset, id=name) for dataset, name in [("b", "1"), ("a", "2"), ("b", "3")]]

    assert by_set(rows) == {"b": [rows[0], rows[2]], "a": [rows[1]]}
    assert list(by_set(rows)) == ["b", "a"]
    assert by_set([]) == {}


def test_a_summary() -> None:
    texts = [
        text("good morning", "Good morning!", "1", "ann"),
        text("how are you", "How are you?", "2", "ann"),
        text("fine", "Fine.", "3", "bob"),
    ]
    found = [Hypothesis("good morning", False), Hypothesis("how is you " + "now " * 8, True), Hypothesis("...", False)]
    result = summary(predictions("test", texts, [1.0] * 3, found, ENGLISH))

    assert result == Summary(
        metric="WER",
        error_rate=166.67,
        error_rate_low=None,
        error_rate_high=None,
        resampled="speakers",
        groups=2,
        wer=166.67,
        cer=144.44,
        mer=71.43,
        raw_wer=233.33,
        raw_cer=140.0,
        substitutions=1,
        deletions=1,
        insertions=8,
        words=6,
        clips=3,
        empty=1,
        cut_off=1,
        looping=1,
        ignored_references=0,
        ignored_hypotheses=0,
        looping_errors=9,
        error_rate_without_loops=33.33,
    )


def test_hypotheses_are_normalised_and_the_raw_rate_stands_beside() -> None:
    rows = predictions(
        "test", [text("good morning doctor", "Good morning, doctor!")], [1.0], heard("Good Morning, Doctor."), ENGLISH
    )
    result = summary(rows)

    assert (result.wer, result.cer, result.raw_wer) == (0, 0, 66.67)


def test_one_clip_has_a_rate_and_no_interval() -> None:
    result = summary(rows_of(["a b"], ["a x"]))

    assert (result.wer, result.error_rate_low, result.error_rate_high, result.resampled) == (50, None, None, "utterances")


def test_speakers_are_drawn_where_they_are_known() -> None:
    texts = [text("a b", path=str(number), speaker=f"speaker {number % 3}") for number in range(6)]
    rows = predictions("test", texts, [1.0] * 6, heard(*["a b", "a x"] * 3), ENGLISH)

    assert summary(rows).resampled == "speakers"
    assert len(corpus(rows).words) == 3


def test_a_hypothesis_that_the_normaliser_empties_is_without_a_word() -> None:
    result = summary(rows_of(["good morning"], ["..."]))

    assert (result.empty, result.deletions, result.wer) == (1, 2, 100)


def test_every_script_is_summed_up() -> None:
    result = summary(rows_of(["नमस्ते दुनिया", "مرحبا بكم"], ["नमस्ते, दुनिया।", "مرحبا"], Normalization("multilingual")))

    assert (result.wer, result.words, result.deletions) == (25, 4, 1)


TEN = "今日はとても良い天気"
"""Ten characters."""


def spoken(language: str, reference: str, path: str = "a.wav") -> TextEntry:
    return TextEntry("test", path, path, reference, reference, None, language)


def test_where_words_are_not_parted_errors_are_counted_in_characters() -> None:
    said = [spoken("ja", f"{TEN}。")]
    rows = predictions("test", said, [1.0], heard("今日は とても悪い天気"), Normalization("auto"))
    (row,), result = rows, summary(rows)

    assert (row.metric, row.language, row.errors, row.words, row.substitutions) == ("CER", "ja", 1, 10, 1)
    assert row.alignment[1] == Span("substitute", "良", "悪")
    assert (result.metric, result.error_rate, result.cer, result.mer, result.words) == ("CER", 10, 10, 10, 10)
    assert (result.wer, result.raw_wer) == (None, None)
    assert result.raw_cer == 18.18  # with the full stop, of eleven


def test_the_language_of_the_model_is_that_of_clips_that_have_none() -> None:
    (row,) = predictions("test", [text(TEN)], [1.0], heard(TEN[:9]), Normalization("auto", "ja"))

    assert (row.language, row.metric, row.words, row.deletions) == ("ja", "CER", 10, 1)


def test_a_set_of_many_languages_counts_words_in_some_and_characters_in_others() -> None:
    said = [spoken("ja", TEN, "1"), spoken("de", "Größe neunzig, bitte", "2"), spoken("en", "ninety one", "3")]
    rows = predictions("test", said, [1.0] * 3, heard(TEN[:8], "größe neunzig", "It's 91!"), Normalization("auto"))
    result = summary(rows)

    assert {row.language: (row.metric, row.errors, row.words) for row in rows} == {
        "ja": ("CER", 2, 10), "en": ("WER", 2, 2), "de": ("WER", 1, 3),
    }  # fmt: skip
    assert (result.metric, result.error_rate, result.words) == ("mixed", 33.33, 15)  # 5 of 15
    assert (result.wer, result.raw_wer) == (None, None)


def test_a_loop_of_characters_is_as_long_as_one_of_words() -> None:
    (short, long) = (
        predictions("test", [spoken("ja", TEN)], [1.0], heard("はい" * times), Normalization("auto"))[0] for times in (9, 12)
    )

    assert (short.has_loop, long.has_loop) == (False, True)


def test_rows_of_an_older_version_are_refused() -> None:
    row = asdict(rows_of(["a b"], ["a b"])[0])
    del row["metric"]

    with pytest.raises(TypeError, match="metric"):
        parse_predictions([json.dumps(row)])


def test_a_set_without_clips_is_no_error() -> None:
    result = summary(predictions("clean", [], [], [], ENGLISH))

    assert (result.clips, result.wer, result.error_rate_low) == (0, 0, None)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = rows_of(["a b", "c d e"], ["A b!", "x\u2028"])
    write_rows(tmp_path / "predictions.jsonl", rows)

    with (tmp_path / "predictions.jsonl").open(encoding="utf-8") as lines:
        assert parse_predictions(lines) == {"test": rows}
