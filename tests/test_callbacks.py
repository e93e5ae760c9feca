"""Callbacks: the lines that a run prints, with speed and time left."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from asr.base.errors import DataError
from asr.machine.shutdown import StopRequest
from asr.training.batch import make_batch
from asr.training.callbacks import Saving, is_fetched
from asr.training.history import ProgressLines, Times, duration, trackers


class Run:
    """The trainer's calls, each at a second of its own."""

    def __init__(self, folder: Path, clock: pytest.MonkeyPatch, max_steps: int = 8) -> None:
        self.second = 0.0
        clock.setattr("asr.training.callbacks.time.monotonic", lambda: self.second)
        self.lines = ProgressLines(metric="WER")
        self.state = TrainerState(epoch=0, num_train_epochs=2, global_step=0, max_steps=max_steps)
        self.rest = (TrainingArguments(output_dir=str(folder)), self.state, TrainerControl())

    def begin(self, at: float) -> None:
        """Training begins."""
        self.second = at
        self.lines.on_train_begin(*self.rest)

    def epoch(self, at: float) -> None:
        """An epoch begins."""
        self.second = at
        self.lines.on_epoch_begin(*self.rest)

    def step(self, at: float, loss: float = 1.5) -> None:
        """A step of 64 clips has ended, 4 s each."""
        self.second = at
        self.lines.count(make_batch(torch.zeros(0, 80), [], step_labels=9, step_clips=64, step_frames=25_600))
        self.state.global_step += 1
        self.state.epoch = self.state.global_step / 4
        self.lines.on_step_end(*self.rest)
        self.lines.on_log(*self.rest, logs={"loss": loss})

    def validate(self, at: float, wer: float) -> None:
        """Validation has ended."""
        self.second = at
        self.lines.on_log(*self.rest, logs={"eval_error_rate": wer})
        self.lines.on_evaluate(*self.rest, metrics={"eval_error_rate": wer})


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (3599, "59 min 59 s"), (7380, "2 h 3 min")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_line_tells_speed_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, monkeypatch)
    run.begin(at=10)
    run.epoch(at=10)
    run.step(at=20, loss=2.5)
    run.step(at=30)

    run.validate(at=30, wer=12.34)

    said = capsys.readouterr().err
    assert said == (
        "train: epoch 1 of 2, step 2 of 8, loss 1.500, validation WER 12.3 %, 6.4 clips/s, 26 h of audio/h, 1 min 0 s left\n"
    )


def test_an_epochs_line_tells_the_same_speed_right_after_a_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, monkeypatch)
    run.begin(at=0)
    run.epoch(at=0)
    for second in (10, 20, 30, 40):
        run.step(at=second)

    run.validate(at=60, wer=50)  # 20 s of validation: no part of the speed, but of each epoch to come

    assert capsys.readouterr().err.splitlines() == [
        "train: epoch 1 of 2, step 3 of 8, loss 1.500, 6.4 clips/s, 26 h of audio/h, 50 s left",
        "train: epoch 1 of 2, step 4 of 8, loss 1.500, validation WER 50.0 %, 6.4 clips/s, 26 h of audio/h, 1 min 0 s left",
    ]


def test_speed_is_the_epochs_and_time_left_the_whole_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, monkeypatch)
    run.begin(at=0)
    run.epoch(at=0)
    for second in (1, 2, 3, 4):
        run.step(at=second)
    run.validate(at=14, wer=50)
    run.epoch(at=14)
    for second in (34, 54):
        run.step(at=second)

    assert capsys.readouterr().err.splitlines() == [
        "train: epoch 1 of 2, step 4 of 8, loss 1.500, validation WER 50.0 %, 64.0 clips/s, 256 h of audio/h, 14 s left",
        "train: epoch 2 of 2, step 6 of 8, loss 1.500, 3.2 clips/s, 13 h of audio/h, 18 s left",
    ]


def test_a_resumed_run_counts_its_own_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, monkeypatch)
    run.state.global_step = 5
    run.begin(at=100)
    run.epoch(at=100)
    run.step(at=140)

    assert (
        capsys.readouterr().err
        == "train: epoch 2 of 2, step 6 of 8, loss 1.500, 1.6 clips/s, 6 h of audio/h, 1 min 20 s left\n"
    )


def test_a_line_before_any_step_has_no_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, monkeypatch)
    run.begin(at=0)
    run.validate(at=0, wer=50)

    assert "0.0 clips/s, 0 h of audio/h" in capsys.readouterr().err


def test_a_checkpoint_that_takes_long_puts_the_next_one_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, monkeypatch)
    saving = Saving(StopRequest(tmp_path / "stop"), minutes=10, steps_per_epoch=1_000_000)
    saved: list[float] = []
    for second in range(0, 20_000, 100):
        run.second, run.state.global_step = second, run.state.global_step + 10
        control = TrainerControl()
        saving.on_step_end(run.rest[0], run.state, control)
        if control.should_save:
            saved.append(second)
            run.second += 150  # as large-v3 on a slow disk
            saving.on_save(run.rest[0], run.state, control)

    # From the end of one to the beginning of the next it is 3000 s, of which 150 are the share.
    assert saved == [600, 3800, 7000, 10_200, 13_400, 16_600, 19_800]


def test_the_best_checkpoint_is_found_where_the_run_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, monkeypatch)
    saving = Saving(StopRequest(tmp_path / "stop"), minutes=10, steps_per_epoch=10)
    saving.on_train_begin(*run.rest)
    assert run.state.best_model_checkpoint is None

    (tmp_path / "checkpoint-9").mkdir()
    run.state.best_global_step, run.state.best_model_checkpoint = 9, None  # the library has not found it where it was
    saving.on_train_begin(*run.rest)

    assert run.state.best_model_checkpoint == str(tmp_path / "checkpoint-9")


def test_a_checkpoint_after_an_epoch_puts_nothing_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, monkeypatch)
    saving = Saving(StopRequest(tmp_path / "stop"), minutes=10, steps_per_epoch=10)
    run.second = 5_000
    saving.on_save(*run.rest)
    run.second, run.state.global_step = 5_600, 11

    saving.on_step_end(*run.rest)

    assert run.rest[2].should_save


def test_the_loss_is_fetched_at_each_step_of_a_short_epoch_and_at_some_of_a_long_one() -> None:
    assert [step for step in range(1, 7) if is_fetched(step, 3)] == [1, 2, 3, 4, 5, 6]
    assert [step for step in range(1, 12) if is_fetched(step, 250)] == [3, 6, 9]
    assert [step for step in range(245, 257) if is_fetched(step, 250)] == [246, 249, 250, 253, 256]
    assert [step for step in range(1, 35) if is_fetched(step, 1_000_000)] == [10, 20, 30]


def test_where_the_seconds_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, monkeypatch)
    times = Times()
    times.on_train_begin()

    def until(second: float, event: Callable[..., None], **logs: float) -> None:
        run.second = second
        event(*run.rest, logs=logs)

    until(2, times.on_step_begin)
    until(3, times.on_step_end)
    until(10, times.on_log, loss=1.0)
    until(11, times.on_step_begin)
    until(20, times.on_step_end)
    until(50, times.on_log, eval_loss=1.0)
    until(50, times.on_evaluate)
    until(54, times.on_save)

    assert times.seconds == {"waiting": 3, "computing": 17, "validating": 30, "saving": 4}


@pytest.mark.parametrize(
    ("name", "reason"),
    [("wandbee", "wandbee is not supported"), ("comet_ml", "CometCallback requires comet-ml.* to be installed")],
)
def test_a_tracker_that_is_not_there_is_named(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"^report_to in machine.yaml: {reason}"):
        trackers([name])


def test_no_tracker_unless_one_is_asked_for() -> None:
    assert trackers([]) == []
