"""Suppressed tokens: OpenAI's own list, and what becomes of it while decoding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from whisper.tokenizer import get_tokenizer

from asr.model.parameters import greedy
from asr.model.suppression import non_speech_tokens
from asr.model.transcribe import transcribe
from asr.model.whisper import load
from tools.make_released import make_released


@pytest.mark.parametrize(("name", "language", "count"), [("tiny.en", None, 84), ("small", "nl", 82)])
def test_the_tokens_are_the_reference_packages(name: str, language: str | None, count: int, tmp_path: Path) -> None:
    whisper = load(str(make_released(name, tmp_path)), language, "transcribe")

    found = non_speech_tokens(whisper.tokenizer)

    assert len(found) == count
    assert tuple(found) == get_tokenizer(language is not None).non_speech_tokens


def test_every_model_is_decoded_by_the_rule_of_the_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whisper = load(str(make_released("tiny.en", tmp_path)), None, "transcribe")
    asked: list[list[int]] = []

    def generate(inputs: torch.Tensor, suppress_tokens: list[int], **options: object) -> torch.Tensor:
        asked.append(suppress_tokens)
        return inputs[:, 0, :1].long()

    monkeypatch.setattr(whisper.model, "generate", generate)

    for rule in ("none", "non_speech"):
        transcribe(whisper, [np.zeros((40, 80), np.float16)], greedy(4).model_copy(update={"suppress": rule}))

    assert whisper.model.generation_config.suppress_tokens == whisper.model.generation_config.begin_suppress_tokens == []
    assert asked == [[], non_speech_tokens(whisper.tokenizer)]
