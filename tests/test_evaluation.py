"""Evaluation: which windows a model is heard in, the real library's options, and sets that can't be tested."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.base.sections import parse
from asr.base.text import Normalization
from asr.model.limits import Pace
from asr.model.parameters import Decode
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper, load, load_tuned
from asr.scoring.evaluation import EvaluationSet, evaluate
from asr.shards.format import Dropped
from tests.shards import stored
from tests.sounds import write_tiny_whisper

DECODE: dict[str, object] = {
    "window": "auto", "batch_size": "auto", "max_new_tokens": 6, "num_beams": 1, "temperature": 0.0,
    "repetition_penalty": 1.0, "no_repeat_tokens": 0, "suppress": "none", "seed": 1,
}  # fmt: skip


@pytest.fixture
def whisper(tmp_path: Path) -> Whisper:
    return load(str(write_tiny_whisper(tmp_path / "tiny")), None, "transcribe")


def decode(**changes: object) -> Decode:
    return parse(Decode, {**DECODE, **changes}, "params.yaml")


def three_clips(folder: Path, mels: int = 80) -> EvaluationSet:
    random = np.random.default_rng(0)
    clips = [random.normal(size=(frames, mels)).astype(np.float16) for frames in (40, 90, 200)]
    texts = [TextEntry("morning", name, f"{name}.wav", "good morning", "Good morning!", None) for name in "abc"]
    return EvaluationSet("morning", stored(folder, list("abc"), clips), texts)


@pytest.mark.parametrize(
    ("fitted", "window", "expected"), [(True, "auto", "fit"), (True, "full", "full"), (False, "auto", "full")]
)
def test_a_model_is_heard_in_the_windows_that_it_was_trained_in(
    tmp_path: Path, whisper: Whisper, fitted: bool, window: str, expected: str
) -> None:
    whisper.mark_fitted(fitted)
    whisper.save(tmp_path / "saved")

    found = evaluate(
        load_tuned(tmp_path / "saved"), [three_clips(tmp_path / "clips")], decode(window=window), Normalization("basic_english")
    )

    assert (found.window, found.precision) == (expected, "fp32")
    rows = found.predictions["morning"]
    assert sorted((row.id, row.reference, row.seconds) for row in rows) == [
        ("a", "good morning", 0.4), ("b", "good morning", 0.9), ("c", "good morning", 2.0),
    ]  # fmt: skip
    assert all(row.errors == row.substitutions + row.deletions + row.insertions for row in rows)
    assert found.sound == pytest.approx(3.3)
    assert found.taken > 0


def test_each_clip_is_heard_and_scored_in_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path / "many", multilingual=True)), None, "transcribe")
    told: list[tuple[str, int]] = []
    generate = whisper.model.generate

    def spy(inputs: torch.Tensor, **options: object) -> object:
        told.append((str(options["language"]), len(inputs)))
        return generate(inputs, **options)

    monkeypatch.setattr(whisper.model, "generate", spy)
    clips = three_clips(tmp_path / "clips")
    texts = [replace(text, language=code) for text, code in zip(clips.texts, ("ja", "de", "ja"), strict=True)]

    found = evaluate(whisper, [replace(clips, texts=texts)], decode(), Normalization("auto"))

    assert sorted(told) == [("de", 1), ("ja", 2)]
    rows = {row.id: (row.language, row.metric, row.words) for row in found.predictions["morning"]}
    assert rows == {"a": ("ja", "CER", 11), "b": ("de", "WER", 2), "c": ("ja", "CER", 11)}
    with pytest.raises(DataError, match=r"^3 of 3 clips have a language that the model can't be told \(a.wav: none"):
        evaluate(whisper, [clips], decode(), Normalization("auto"))


def test_a_model_is_scored_in_the_precision_in_which_it_is_validated(
    tmp_path: Path, whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[tuple[bool, torch.dtype]] = []
    generate = whisper.model.generate

    def spy(inputs: torch.Tensor, **options: object) -> object:
        computed.append((torch.is_autocast_enabled("cpu"), inputs.dtype))
        return generate(inputs, **options)

    monkeypatch.setattr(whisper.model, "generate", spy)
    for precision in ("bf16", "fp32"):
        monkeypatch.setattr("asr.scoring.evaluation.pick_precision", lambda *_, said=precision: said)
        found = evaluate(whisper, [three_clips(tmp_path / precision)], decode(), Normalization("basic_english"))
        assert found.precision == precision

    assert computed == [(True, torch.float32), (False, torch.float32)]
    assert {parameter.dtype for parameter in whisper.model.parameters()} == {torch.float32}


def test_hypotheses_are_limited_by_the_pace_that_evaluation_is_given(tmp_path: Path, whisper: Whisper) -> None:
    clips = three_clips(tmp_path / "clips")
    limited, free = (
        evaluate(whisper, [clips], decode(max_new_tokens=60, suppress="none"), Normalization("none"), pace)
        for pace in (Pace(0.0), Pace(60.0))
    )

    assert all(row.is_cut_off or row.has_loop for row in limited.predictions["morning"])
    assert max(len(row.raw_hypothesis) for row in limited.predictions["morning"]) <= 32
    assert [row.id for row in free.predictions["morning"]]


def test_drawing_is_seeded(tmp_path: Path, whisper: Whisper) -> None:
    clips = three_clips(tmp_path / "clips")
    drawn = [
        [
            row.raw_hypothesis
            for row in evaluate(
                whisper, [clips], decode(temperature=2.0, seed=seed), Normalization("basic_english")
            ).predictions["morning"]
        ]
        for seed in (1, 1, 2)
    ]

    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_tokens_are_not_repeated_when_that_is_asked(tmp_path: Path, whisper: Whisper) -> None:
    clips = [np.zeros((60, 80), np.float16)]
    whisper.model.eval()
    freely, once = (transcribe(whisper, clips, decode(no_repeat_tokens=tokens))[0] for tokens in (0, 1))

    assert freely.text == ""  # one special token again and again
    assert len(set(once.text)) > 1


def test_beams_on_the_real_library(tmp_path: Path, whisper: Whisper) -> None:
    found = evaluate(
        whisper, [three_clips(tmp_path / "clips")], decode(num_beams=3, batch_size=2), Normalization("basic_english")
    )

    assert len(found.predictions["morning"]) == 3


def test_a_set_whose_clips_are_all_gone_is_named(tmp_path: Path, whisper: Whisper) -> None:
    gone = stored(tmp_path / "none", ["b"], [np.zeros((40, 80), np.float16)], (Dropped("a", "a.wav", "a click"),))

    with pytest.raises(
        DataError, match=r"morning: none of its clips is left once trimmed: lower features\.min_trimmed_seconds"
    ):
        evaluate(
            whisper,
            [EvaluationSet("morning", gone, [TextEntry("morning", "a", "a.wav", "good morning", "", None)])],
            decode(),
            Normalization("basic_english"),
        )
