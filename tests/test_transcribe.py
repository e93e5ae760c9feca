"""Decoding: what fits, where a hypothesis is cut off, and options that don't go together."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from asr.base.errors import DataError
from asr.base.sections import parse
from asr.machine.device import is_out_of_memory
from asr.model.parameters import Decode, greedy
from asr.model.transcribe import Hypothesis, transcribe
from asr.model.whisper import Whisper
from asr.model.window import padded
from asr.shards.frames import pad_frames
from tests.sounds import byte_tokenizer

CLIPS = [np.zeros((40, 80), np.float16)] * 7
DECODE = {
    "window": "auto",
    "batch_size": "auto",
    "max_new_tokens": 8,
    "num_beams": 1,
    "temperature": 0.0,
    "repetition_penalty": 1.0,
    "no_repeat_tokens": 0,
    "suppress": "none",
    "seed": 1,
}


class Speaker:
    """A model that says the same tokens to every clip, and has memory for `room` of them."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, said: list[int], room: int = 100) -> None:
        self.config = SimpleNamespace(max_target_positions=64, max_source_positions=200)
        self.generation_config = SimpleNamespace(pad_token_id=-1)
        positions = SimpleNamespace(weight=torch.zeros(200, 1), num_embeddings=200)
        self.model = SimpleNamespace(encoder=SimpleNamespace(embed_positions=positions))
        self.said, self.room = said, room
        self.batches: list[int] = []
        self.limit = 0

    def generate(self, inputs: torch.Tensor, max_new_tokens: int, **options: object) -> torch.Tensor:
        """Inputs of shape (batch, mels, frames)."""
        self.batches.append(len(inputs))
        self.limit = max_new_tokens
        if len(inputs) > self.room:
            raise torch.OutOfMemoryError
        return torch.tensor([self.said[:max_new_tokens]] * len(inputs))


def whisper(speaker: Speaker) -> Whisper:
    return Whisper(speaker, SimpleNamespace(tokenizer=byte_tokenizer()))


def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = byte_tokenizer()
    model = Speaker(tokenizer.encode("hi", add_special_tokens=False), room=2)

    heard = transcribe(whisper(model), CLIPS, greedy(8))

    assert heard == [Hypothesis("hi", is_cut_off=False)] * 7
    assert model.batches == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert "7 clips don't fit into memory, on with 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"]
)
def test_what_other_libraries_say_of_a_want_of_memory_is_understood(words: str) -> None:
    assert is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))


def test_an_error_of_another_kind_is_not_taken_for_a_want_of_memory() -> None:
    class Broken(Speaker):
        def generate(self, inputs: torch.Tensor, max_new_tokens: int, **options: object) -> torch.Tensor:
            raise RuntimeError("device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        transcribe(whisper(Broken([1])), CLIPS, greedy(8))


def test_clips_are_padded_by_their_last_frame() -> None:
    draw = np.random.default_rng(0)
    clips = [draw.normal(size=(frames, 3)).astype(np.float16) for frames in (5, 1, 9, 16)]
    lengths = torch.tensor([len(clip) for clip in clips])
    frames = torch.from_numpy(np.concatenate(clips))

    found = padded(frames, lengths.cumsum(0) - lengths, lengths, window=9)

    assert found.shape == (4, 3, 9)
    for row, clip in zip(found, clips, strict=True):
        np.testing.assert_array_equal(row.numpy().T, pad_frames(clip, 9))


def test_a_batch_has_one_language_and_what_is_heard_comes_in_the_order_of_the_clips() -> None:
    tokenizer = byte_tokenizer()
    batches: list[tuple[str | None, int]] = []

    class Polyglot(Speaker):
        def generate(self, inputs: torch.Tensor, max_new_tokens: int, **options: object) -> torch.Tensor:
            """Says the language that it is told."""
            language = options.get("language")
            batches.append((str(language) if language else None, len(inputs)))
            self.said = tokenizer.encode(str(language), add_special_tokens=False)
            return super().generate(inputs, max_new_tokens, **options)

    languages = ["nl", "de", None, "nl", "de", "nl", "nl"]
    clips = [np.zeros((40 + 10 * number, 80), np.float16) for number in range(7)]
    heard = transcribe(whisper(Polyglot([])), clips, greedy(8, batch_size=3), languages)

    assert [each.text for each in heard] == ["nl", "de", "None", "nl", "de", "nl", "nl"]
    assert batches == [(None, 1), ("de", 2), ("nl", 3), ("nl", 1)]


def test_a_batch_has_so_many_frames_to_begin_with() -> None:
    model = Speaker([1])
    windows = whisper(model).window_frames

    transcribe(whisper(model), CLIPS, greedy(8), frames_at_once=3 * windows + 1)

    assert model.batches == [3, 3, 1]


def test_a_single_clip_that_does_not_fit_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"one clip at a time is too much.*decode\.num_beams"):
        transcribe(whisper(Speaker([1], room=0)), CLIPS[:1], greedy(8, batch_size=4))


def test_a_hypothesis_at_the_limit_of_tokens_is_cut_off() -> None:
    tokenizer = byte_tokenizer()
    model = Speaker(tokenizer.encode("abcdef", add_special_tokens=False))

    texts = [transcribe(whisper(model), CLIPS[:1], greedy(limit))[0] for limit in (4, 6, 7)]

    assert texts == [Hypothesis("abcd", True), Hypothesis("abcdef", True), Hypothesis("abcdef", False)]


def test_the_limit_leaves_room_for_the_prompt() -> None:
    model = Speaker([97] * 100)

    transcribe(whisper(model), [np.zeros((100, 80), np.float16)], greedy(500))

    assert model.limit == 60  # of 64 positions


def test_options_that_are_off_are_left_out() -> None:
    assert parse(Decode, DECODE, "params.yaml").options == {"num_beams": 1}
    assert parse(
        Decode, {**DECODE, "temperature": 0.5, "repetition_penalty": 1.2, "no_repeat_tokens": 3}, "params.yaml"
    ).options == {"num_beams": 1, "temperature": 0.5, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3}


def test_drawing_and_ranking_do_not_go_together() -> None:
    with pytest.raises(DataError, match=r"set temperature to 0 or num_beams to 1"):
        parse(Decode, {**DECODE, "temperature": 0.5, "num_beams": 4}, "params.yaml")
