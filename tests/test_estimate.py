"""The estimate of training: what a whole run takes, from a part of it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asr.base.entries import AudioEntry, TextEntry
from asr.base.errors import DataError
from asr.base.files import write_rows
from asr.base.hashes import content_hash
from asr.features.clip import Unusable, features_of
from asr.features.non_speech import non_speech, origins
from asr.model.whisper import load
from asr.training.run import Trained
from commands import estimate
from commands.estimate import Work, work_of
from tests.project import environment, tree
from tests.recipes import recipe
from tests.sounds import write_tiny_whisper, write_tone
from tests.test_augment import only
from tests.test_features import SETTINGS
from tests.test_pipeline import copied
from tests.test_training import unequal

CLIPS = {"long": 1.0, "short": 0.25}
"""Their names and seconds."""

TRAINED = Trained(
    window="fit",
    precision="bf16",
    learning_rate=1e-3,
    ranks=1,
    activation_checkpointing=False,
    rows_at_once=16,
    halvings=0,
    steps=4,
    epochs=1.0,
    best_step=4,
    best_error_rate=100.0,
    base_error_rate=100.0,
    metric="WER",
    clips=64,
    clips_without_speech=0,
    log_history=[],
    seconds={"waiting": 1.0, "computing": 7.0, "validating": 20.0, "saving": 3.0},
)


def test_steps_validations_and_checkpoints_are_multiplied_each_by_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda: 5 * 2**30)

    # 500 steps of 2 s; 210 clips of 1 s of validation, 90 of choosing; 5 checkpoints of 3 s.
    assert estimate.told(TRAINED, Work(steps=500, validated=210, heard_to_choose=90, checkpoints=5), heard=10) == (
        "21 min 55 s at most: 16 min 40 s of training, 3 min 30 s of validation, 1 min 30 s to choose what is kept of the base "
        "model, 15 s for checkpoints; 5.0 GiB of GPU memory, 16 whole windows at once"
    )


def test_a_run_also_searches_for_a_rate_averages_and_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    spoken = unequal(whisper, 130)
    learned = replace(spoken, continuations=[*spoken.continuations[:120], *([[]] * 10)])
    plain = recipe(epochs=5, effective_batch=10, learning_rate=1e-4, keep_of_base=0.0)
    chosen = plain.model_copy(update={"keep_of_base": "auto"})

    assert work_of(plain, learned, 400, ranks=2) == Work(5 * 13 / 2, 6 * 400, 0, 5)
    assert work_of(plain.model_copy(update={"average": 2}), learned, 400, ranks=1).validated == 7 * 400
    assert work_of(plain.model_copy(update={"keep_of_base": 0.3}), learned, 400, ranks=1) == Work(65, 7 * 400, 0, 5)
    # Four rates, each for 5 epochs of 7 steps on half of the clips, judged by 300 clips.
    searched = plain.model_copy(update={"learning_rate": "search", "search_share": 0.5})
    assert work_of(searched, learned, 400, ranks=1) == Work(65 + 4 * 5 * 7, 6 * 400 + 4 * 5 * 300, 0, 5 + 4 * 5)
    with pytest.raises(DataError, match=r"validation_text.jsonl: not there; run `dvc repro sets mix base` first"):
        work_of(chosen, learned, 400, ranks=1)
    sets = {"few": 12, "many": 250}
    said = [TextEntry(name, f"{n}", "a.wav", "this is said", "", None) for name, count in sets.items() for n in range(count)]
    write_rows(Path("data/sets/validation_text.jsonl"), said)
    general = 12 + 200
    assert work_of(chosen, learned, 400, ranks=1) == Work(65, 7 * 400, general + 9 * (general + 200 + 10), 5)


def test_clips_are_as_long_as_they_are_and_as_many_as_are_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    write_rows(
        Path("data/splits/audio/train.jsonl"),
        [AudioEntry(name, f"{name}.wav", "0", seconds) for name, seconds in CLIPS.items()],
    )
    texts = [TextEntry("train", name, f"{name}.wav", f"this is {name}", "", None) for name in reversed(CLIPS)]
    write_rows(Path("data/splits/text/train.jsonl"), texts)

    examples = estimate.silent("train", whisper, copies=2)
    few = estimate.some(examples, 3, seed=1)

    assert [len(frames) for frames in examples.frames] == [101, 101, 26, 26]
    assert examples.labels[0] == whisper.tokenizer(" this is long").input_ids
    assert [len(frames) for frames in few.frames] == [len(frames) for frames in estimate.some(examples, 3, seed=1).frames]
    assert len(few) == 3
    assert len(estimate.some(examples, 9, seed=1)) == 4


def test_clips_without_speech_last_as_long_as_those_that_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model", window_seconds=30)), None, "transcribe")
    audio = write_tone(tmp_path / "a.wav")
    clips = [AudioEntry(f"{n}", str(audio), content_hash(audio.read_bytes()), 2.0) for n in range(20)]
    write_rows(Path("data/splits/audio/train.jsonl"), clips)
    texts = [TextEntry("train", clip.id, clip.path, "this is said", "", None) for clip in clips]
    write_rows(Path("data/splits/text/train.jsonl"), texts)
    settings = only(non_speech_share=0.1, copies=2)
    made_of = origins(clips, 20, settings)

    examples = estimate.silence_of(whisper, settings, copies=2)

    assert len(examples) == 4
    assert examples.labels == [whisper.tokenizer("").input_ids] * 4
    lengths = iter([len(frames) for frames in examples.frames])
    for copies in features_of(made_of, SETTINGS, non_speech(settings)):
        assert not isinstance(copies, Unusable)
        assert [next(lengths) for _ in copies] == pytest.approx([len(made) for made in copies], abs=3)
    assert list(lengths) == []
    assert len(estimate.silence_of(whisper, only(non_speech_share=0.0), copies=2)) == 0


def test_without_lists_of_clips_the_command_says_how_to_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")

    with pytest.raises(DataError, match=r"train.jsonl: not there; run `dvc repro sets mix base` first"):
        estimate.silent("train", whisper, copies=1)


@pytest.mark.slow
def test_an_estimate_changes_nothing_in_the_project(tmp_path: Path, finished: Path) -> None:
    project = copied(finished, tmp_path / "project")
    before = tree(project)

    command = [sys.executable, "-m", "commands.estimate"]
    said = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=True)

    assert " at most: " in said.stdout
    assert tree(project) == before
