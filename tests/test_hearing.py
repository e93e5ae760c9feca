"""Hearing recordings as in use: each is told its language, and is prepared as clips are for training."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from asr.audio.waveform import Waveform
from asr.export.hearing import features_of, hear_exported, hear_tuned
from asr.export.recognizer import Recognizer
from asr.features.logmel import log_mel
from asr.model.transcribe import Hypothesis
from asr.model.whisper import Whisper, load
from tests.sounds import tone, write_tiny_whisper, write_tone
from tests.speech import spoken

RECOGNIZER = Recognizer(SimpleNamespace(), "nl", "transcribe", None)


def test_the_export_is_told_the_language_of_each_recording_or_else_the_one_it_was_tuned_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hear(self: Recognizer, stretches: Iterable[Waveform], language: str | None) -> Iterator[tuple[str, str]]:
        return ((f"{language or self.language} {len(stretch) // 16_000}", "nl") for stretch in stretches)

    monkeypatch.setattr(Recognizer, "hear", hear)
    recordings = [write_tone(tmp_path / f"{number}.wav", seconds=number) for number in (1.0, 2.0, 3.0, 4.0)]

    texts, speed = hear_exported(RECOGNIZER, recordings, ["de", None, "ja", None])

    assert texts == ["de 1", "nl 2", "ja 3", "nl 4"]
    assert speed.sound == pytest.approx(10.0)


def test_the_model_is_told_it_too_however_many_recordings_are_in_memory_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transcribe(whisper: Whisper, clips: Any, decode: Any, languages: list[str]) -> list[Hypothesis]:
        assert len(clips) == len(languages) <= 2
        assert decode.window == "full"
        return [Hypothesis(language, is_cut_off=False) for language in languages]

    monkeypatch.setattr("asr.export.hearing.AT_ONCE", 2)
    monkeypatch.setattr("asr.export.hearing.transcribe", transcribe)
    recordings = [write_tone(tmp_path / f"{number}.wav", seconds=1.0) for number in range(3)]
    whisper = load(str(write_tiny_whisper(tmp_path / "model", multilingual=True)), None, "transcribe")

    assert hear_tuned(whisper, recordings, ["de", "fr", "ja"], None) == ["de", "fr", "ja"]


VOICE = spoken([0, 1, 2, 3, 4, 5])
VOICE -= VOICE.mean()


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(np.stack([VOICE, -VOICE], axis=1), id="channels in opposite phase"),
        pytest.param(VOICE[:, None] + np.float32(0.2), id="offset"),
        pytest.param(0.01 * VOICE[:, None], id="quiet"),
        pytest.param(np.pad(VOICE, 16_000)[:, None], id="silence at both ends"),
    ],
)
def test_in_use_a_recording_is_heard_as_its_clip_was_in_training(recorded: Waveform, tmp_path: Path) -> None:
    heard: dict[str, Waveform] = {}

    def transcribe(audio: Waveform, **_: Any) -> tuple[list[SimpleNamespace], SimpleNamespace]:
        heard["export"] = audio
        return [], SimpleNamespace(language="nl")

    for name, samples in {"plain": VOICE[:, None], "recorded": recorded}.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, 16_000, subtype="FLOAT")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asr.export.recognizer.BatchedInferencePipeline", lambda model: SimpleNamespace(transcribe=transcribe))
        found = {}
        for name in ("plain", "recorded"):
            hear_exported(replace(RECOGNIZER, trim_below_peak_db=30.0), [tmp_path / f"{name}.wav"], [None])
            found[name] = heard["export"]

    assert len(found["recorded"]) == 30 * 16_000
    # Both are cut at a hop of 512 samples, counted from the beginning of each.
    lags = correlate(found["recorded"], found["plain"], method="fft")[len(found["plain"]) - 1 - 1024 :][:2049]
    assert lags.max() == pytest.approx(float(np.square(found["plain"]).sum()), rel=0.02)
    assert np.abs(found["recorded"]).max() == pytest.approx(1.0, abs=0.01)


def test_the_models_own_extractor_hears_what_training_heard_to_the_last_frame(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    for samples in (32_000, 32_079, 32_159):  # which end in sound
        waveform = tone(2.5, hertz=440)[:samples, 0]

        features = features_of(whisper, waveform)

        assert features.shape == (-(-(samples + 200) // 160) + 1, 80)
        np.testing.assert_allclose(features, log_mel(waveform, 80).astype(np.float16), atol=2e-3)
        assert (features[-1] == features[-1][0]).all()
