"""Hearing recordings as they are: the export and the model are told the language of each."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asr.export.hearing import hear_exported, hear_raw
from asr.export.recognizer import Recognizer
from asr.model.transcribe import Hypothesis
from asr.model.whisper import Whisper, load
from tests.sounds import write_tiny_whisper, write_tone


def test_the_export_is_told_the_language_of_each_recording_or_else_the_one_it_was_tuned_for(tmp_path: Path) -> None:
    def transcribe(samples: Any, language: str | None, **options: object) -> tuple[list[SimpleNamespace], SimpleNamespace]:
        return [SimpleNamespace(text=f" {language}")], SimpleNamespace(duration=len(samples) / 16_000)

    recordings = [write_tone(tmp_path / f"{number}.wav", seconds=1.0) for number in range(3)]
    recognizer = Recognizer(SimpleNamespace(transcribe=transcribe), "nl", "transcribe", None)

    texts, speed = hear_exported(recognizer, recordings, ["de", None, "ja"])

    assert texts == ["de", "nl", "ja"]
    assert speed.sound == pytest.approx(3.0)


def test_the_model_is_told_it_too_however_many_recordings_are_in_memory_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transcribe(whisper: Whisper, clips: Any, decode: Any, languages: list[str]) -> list[Hypothesis]:
        assert len(clips) == len(languages) <= 2
        return [Hypothesis(language, is_cut_off=False) for language in languages]

    monkeypatch.setattr("asr.export.hearing.AT_ONCE", 2)
    monkeypatch.setattr("asr.export.hearing.transcribe", transcribe)
    recordings = [write_tone(tmp_path / f"{number}.wav", seconds=1.0) for number in range(3)]
    whisper = load(str(write_tiny_whisper(tmp_path / "model", multilingual=True)), None, "transcribe")

    assert hear_raw(whisper, recordings, ["de", "fr", "ja"]) == ["de", "fr", "ja"]
