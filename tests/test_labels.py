"""Labels: the model's prompt, and timestamps that transcripts carry."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import AddedToken
from transformers import WhisperTokenizer

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.model.whisper import load
from asr.training.batch import Examples
from asr.training.labels import chained, continuation, examples_of, label, require_timestamps_known, timed, without_speech
from asr.training.run import plan_of
from stages.learning import longest_learned
from tests.recipes import recipe
from tests.sounds import write_tiny_whisper


@pytest.fixture
def tokenizer(tmp_path: Path) -> WhisperTokenizer:
    whisper = load(str(write_tiny_whisper(tmp_path, multilingual=True)), "nl", "transcribe")
    whisper.tokenizer.add_tokens([AddedToken(f"<|{mark}|>") for mark in ("0.00", "1.20")])
    return whisper.tokenizer


def written(tokenizer: WhisperTokenizer, ids: list[int]) -> str:
    return " ".join(tokenizer.convert_ids_to_tokens(ids))


def test_a_label_has_the_prompt_in_front_and_the_end_behind(tokenizer: WhisperTokenizer) -> None:
    ids = label(tokenizer, "ja")

    assert written(tokenizer, ids) == "<|startoftranscript|> <|nl|> <|transcribe|> <|notimestamps|> Ġ j a <|endoftext|>"


def test_the_label_of_a_clip_without_speech_is_the_prompt_and_the_end(tokenizer: WhisperTokenizer, tmp_path: Path) -> None:
    english = load(str(write_tiny_whisper(tmp_path / "english")), None, "transcribe").tokenizer

    assert written(english, label(english, "")) == "<|startoftranscript|> <|notimestamps|> <|endoftext|>"
    for told, language in ((None, "nl"), ("de", "de")):
        prompt = f"<|startoftranscript|> <|{language}|> <|transcribe|> <|notimestamps|>"
        assert written(tokenizer, label(tokenizer, "", told)) == f"{prompt} <|endoftext|>"
    assert continuation(tokenizer, "") == continuation(english, "") == []


def test_clips_without_speech_follow_those_with_some_in_their_own_language(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path, multilingual=True)), "nl", "transcribe")
    rows = [TextEntry("train", name, f"{name}.wav", text, text, None, "de") for name, text in (("a", "ja"), ("b", ""))]
    frames = [np.full((length, 80), length, np.float16) for length in (1, 2)]

    both = chained(examples_of(whisper, frames[:1], rows[:1]), examples_of(whisper, frames[1:], rows[1:]))

    assert [clip[0, 0] for clip in both.frames] == [1, 2]
    assert both.labels == [label(whisper.tokenizer, "ja", "de"), label(whisper.tokenizer, "", "de")]
    assert (both.languages, both.continuations) == (["de", "de"], [continuation(whisper.tokenizer, "ja"), []])
    assert without_speech(both) == {1}


def test_clips_whose_transcripts_carry_timestamps_are_known_by_their_labels(tokenizer: WhisperTokenizer) -> None:
    labels = [label(tokenizer, text) for text in ("ja", "<|0.00|> ja<|1.20|>", "")]

    assert timed(Examples([], labels, [None] * 3), tokenizer) == {1}


def test_a_clip_with_timestamps_shares_no_window_as_they_count_from_its_start(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path, multilingual=True)), "nl", "transcribe")
    whisper.tokenizer.add_tokens([AddedToken(f"<|{mark}|>") for mark in ("0.00", "1.20")])
    texts = ["ja", "<|0.00|> ja<|1.20|>"] * 4
    rows = [TextEntry("train", str(place), "", text, text, None, None) for place, text in enumerate(texts)]
    examples = examples_of(whisper, [np.zeros((50, 80), np.float16)] * len(rows), rows)

    (step,) = plan_of(whisper, examples, recipe(window="pack", full_window_share=0.0, effective_batch=8)).epoch(0)

    assert {slot.clips for slot in step} > {(1,), (3,), (5,), (7,)}
    assert any(len(slot.clips) > 1 for slot in step)
    assert longest_learned(whisper, examples, "pack") == whisper.window_frames
    timed_alone = examples_of(whisper, examples.frames[1::2], rows[1::2])
    assert longest_learned(whisper, timed_alone, "pack") == longest_learned(whisper, examples, "fit") == 50


def test_clips_without_speech_share_a_window_with_none_that_have_some(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path, multilingual=True)), "nl", "transcribe")
    rows = [TextEntry("train", str(place), "", text, text, None, None) for place, text in enumerate(["ja", ""] * 4)]
    examples = examples_of(whisper, [np.zeros((10, 80), np.float16)] * len(rows), rows)

    (step,) = plan_of(whisper, examples, recipe(window="pack", full_window_share=0.0, effective_batch=8)).epoch(0)

    assert any(len(slot.clips) > 1 for slot in step)
    assert all(len({clip % 2 for clip in slot.clips}) == 1 for slot in step)


def test_a_clip_in_another_language_has_it_in_its_prompt(tokenizer: WhisperTokenizer) -> None:
    prompt = "<|startoftranscript|> <|de|> <|transcribe|>"

    assert written(tokenizer, label(tokenizer, "ja", "de")) == f"{prompt} <|notimestamps|> Ġ j a <|endoftext|>"
    assert written(tokenizer, label(tokenizer, "<|0.00|> ja", "de")) == f"{prompt} <|0.00|> Ġ j a <|endoftext|>"
    assert label(tokenizer, "ja", "nl") == label(tokenizer, "ja")


def test_a_model_of_many_languages_has_that_of_each_clip_in_its_prompt(tmp_path: Path) -> None:
    tokenizer = load(str(write_tiny_whisper(tmp_path, multilingual=True)), None, "translate").tokenizer

    prompt = "<|startoftranscript|> <|de|> <|translate|> <|notimestamps|>"
    assert written(tokenizer, label(tokenizer, "yes", "de")) == f"{prompt} Ġ y e s <|endoftext|>"


def test_timestamps_are_kept_and_the_prompt_asks_for_them(tokenizer: WhisperTokenizer) -> None:
    ids = label(tokenizer, "<|0.00|> ja<|1.20|>")

    assert written(tokenizer, ids) == "<|startoftranscript|> <|nl|> <|transcribe|> <|0.00|> Ġ j a <|1.20|> <|endoftext|>"


def test_a_continuation_is_the_text_after_a_space(tokenizer: WhisperTokenizer) -> None:
    assert tokenizer.convert_ids_to_tokens(continuation(tokenizer, "ja")) == ["Ġ", "j", "a"]


def test_timestamps_that_the_tokenizer_does_not_know_are_an_error(tokenizer: WhisperTokenizer) -> None:
    require_timestamps_known(tokenizer, ["ja", "<|0.00|> ja<|1.20|>"])

    with pytest.raises(DataError, match=r"^1 transcripts carry timestamps, but model.name has no token for <\|7.50\|> \("):
        require_timestamps_known(tokenizer, ["ja", "<|0.00|> ja<|7.50|>"])
