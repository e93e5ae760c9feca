"""Watching a run: its lines, with speed and time left, and what validation heard, worst first."""

from pathlib import Path

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from asr.training.batch import StepBatch
from asr.training.callbacks import ProgressLines, _duration
from asr.training.history import KEPT, Diary
from asr.training.validation import HeardClip, Validation


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (3599, "59 min 59 s"), (7380, "2 h 3 min")]
)
def test_durations(seconds: float, said: str) -> None:
    assert _duration(seconds) == said


def test_a_line_tells_speed_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 10.0, 30.0, 30.0, 30.0])
    monkeypatch.setattr("asr.training.callbacks.time.monotonic", lambda: next(now))
    arguments, control = TrainingArguments(output_dir=str(tmp_path)), TrainerControl()
    state = TrainerState(epoch=0.4, global_step=2, max_steps=8)
    told = ProgressLines(epochs=2)
    told.on_train_begin(arguments, state, control)  # at 10 s
    for _ in range(2):
        told.count(StepBatch(torch.zeros(0, 80), (), step_labels=9, step_clips=64, step_frames=25_600))

    told.on_evaluate(arguments, state, control, metrics={"eval_wer": 12.34})

    said = capsys.readouterr().err
    assert said == (
        "train: epoch 1 of 2, step 2 of 8, loss nan, validation WER 12.3 %, 6.4 clips/s, 26 s of audio/s, 1 min 0 s left\n"
    )


def test_a_diary_keeps_each_epochs_worst_and_says_the_worst_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    utterances = [HeardClip(f"{n}.wav", "a b", "NA", float(100 - n)) for n in range(KEPT + 5)]
    diary = Diary(tmp_path)

    diary(TrainerState(epoch=1.0, global_step=9), Validation(1.0, 50.0, utterances))
    diary(TrainerState(epoch=2.0, global_step=18), Validation(1.0, 50.0, [HeardClip("1.wav", "a b", "", 0.0)]))

    kept = diary.read()
    assert len(kept) == KEPT + 1
    assert list(kept[0].values()) == ["9", "1", "0.wav", "a b", "NA", "100.0"]
    assert list(kept[-1].values()) == ["18", "2", "1.wav", "a b", "", "0.0"]
    assert capsys.readouterr().err.splitlines() == [
        "train:   0.wav: 'a b' heard as 'NA'",
        "train:   1.wav: 'a b' heard as 'NA'",
    ]
