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
from asr.features.clip import AS_RECORDED
from asr.features.clip import features_of as clip_features
from asr.features.logmel import log_mel
from asr.model.transcribe import Hypothesis
from asr.model.whisper import Whisper, load
from tests.sounds import hiss, tone, write_tiny_whisper, write_tone
from tests.speech import spoken
from tests.test_features import SETTINGS, entry

MODEL = SimpleNamespace(hf_tokenizer=SimpleNamespace(decode=lambda tokens: " ".join(map(str, tokens))))
RECOGNIZER = Recognizer(MODEL, "nl", "transcribe", None)


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


BEEP = np.concatenate([0.7 * tone(0.4, hertz=1_000)[:, 0], np.zeros(4_800, np.float32), 0.05 * VOICE])
THUMP = np.concatenate([hiss(0.05), np.zeros(8_000, np.float32), 0.05 * VOICE])


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(np.stack([VOICE, -VOICE], axis=1), id="channels in opposite phase"),
        pytest.param(VOICE[:, None] + np.float32(0.2), id="offset"),
        pytest.param(0.01 * VOICE[:, None], id="quiet"),
        pytest.param(np.pad(VOICE, 16_000)[:, None], id="silence at both ends"),
        pytest.param(BEEP[:, None], id="beep"),
        pytest.param(THUMP[:, None], id="thump"),
    ],
)
def test_in_use_a_recording_is_heard_as_its_clip_was_in_training(
    recorded: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Waveform] = []

    def transcribe(audio: Waveform, **_: Any) -> tuple[list[SimpleNamespace], SimpleNamespace]:
        heard.append(audio)
        return [], SimpleNamespace(language="nl")

    pipeline = SimpleNamespace(transcribe=transcribe)
    monkeypatch.setattr("asr.export.recognizer.BatchedInferencePipeline", lambda model: pipeline)
    path = tmp_path / "recorded.wav"
    soundfile.write(path, recorded, 16_000, subtype="FLOAT")
    ((features,),) = clip_features([entry(path)], SETTINGS, AS_RECORDED)  # type: ignore[misc]

    hear_exported(replace(RECOGNIZER, trim_below_peak_db=30.0), [path], [None])

    assert len(heard[-1]) == 30 * 16_000
    in_use = np.trim_zeros(heard[-1], "b")
    np.testing.assert_allclose(log_mel(in_use, 80)[: len(features) - 2], features[:-2], atol=1e-3)
    voice = in_use[-(len(VOICE) - 2 * 3_200) :]
    assert 0.2 < np.abs(voice).max() <= 1.0
    assert np.corrcoef(*_aligned(voice, VOICE))[0, 1] > 0.99


def _aligned(part: Waveform, whole: Waveform) -> tuple[Waveform, Waveform]:
    """The part, and where it is in the whole."""
    place = int(correlate(whole, part, mode="valid", method="fft").argmax())
    return part, whole[place : place + len(part)]


def test_a_hypothesis_of_the_export_that_loops_ends_as_it_would_in_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    said, loop = [4, 5, 6], [1, *[7, 8] * 100]

    def transcribe(audio: Waveform, **_: Any) -> tuple[list[SimpleNamespace], SimpleNamespace]:
        segments = [SimpleNamespace(seek=3_000 * number, tokens=tokens) for number, tokens in enumerate([said, loop])]
        return segments, SimpleNamespace(language="nl")

    pipeline = SimpleNamespace(transcribe=transcribe)
    monkeypatch.setattr("asr.export.recognizer.BatchedInferencePipeline", lambda model: pipeline)

    first, second = (text for text, _ in RECOGNIZER.hear([VOICE, VOICE]))

    assert first == "4 5 6"
    assert second.startswith("1 7 8 7 8")
    assert len(second.split()) < 50


def test_the_models_own_extractor_hears_what_training_heard_to_the_last_frame(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    for samples in (32_000, 32_079, 32_159):  # which end in sound
        waveform = tone(2.5, hertz=440)[:samples, 0]

        features = features_of(whisper, waveform)

        assert features.shape == (-(-(samples + 200) // 160) + 1, 80)
        np.testing.assert_allclose(features, log_mel(waveform, 80).astype(np.float16), atol=2e-3)
        assert (features[-1] == features[-1][0]).all()
