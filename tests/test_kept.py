"""Kept results: a run that was done before is not trained anew, unless its result is gone or damaged."""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from asr.base.hashes import fingerprint
from asr.machine.shutdown import StopRequest
from asr.model.checksums import SUMS, write_sums
from asr.model.whisper import Whisper, load, load_tuned
from asr.runs import kept
from asr.runs.choices import is_chosen_from, note_choice
from asr.runs.claims import claimed
from asr.runs.facts import note_facts
from asr.runs.folders import FACTS, forget
from asr.runs.kept import RESULT, is_finished, is_kept, keep
from asr.training.callbacks import StoppedError
from asr.training.run import Trained
from asr.tuning.keeping import Kept, Point, mix
from asr.tuning.search import Tried
from asr.tuning.tune import Tuned
from asr.tuning.weights import take, weights_of
from stages import train
from stages.common.machine import Machine
from stages.learning import MIXED
from tests.damage import cut, flip
from tests.project import tree
from tests.recipes import recipe
from tests.sounds import write_tiny_whisper
from tests.test_checkpoints import write

TRAINED = Trained(
    window="fit",
    precision="fp32",
    learning_rate=1e-3,
    ranks=1,
    activation_checkpointing=False,
    rows_at_once=16,
    halvings=0,
    steps=9,
    epochs=1.0,
    best_step=9,
    best_error_rate=12.5,
    base_error_rate=20.0,
    metric="WER",
    clips=64,
    clips_without_speech=3,
    log_history=[{"step": 9, "loss": 0.1 + 0.2, "eval_loss": float("inf")}],
    seconds={"waiting": 1.0, "computing": 7.0, "validating": 20.0, "saving": 3.0},
)
TUNED = Tuned(TRAINED, [Tried(1e-3, 3, 14.0, 0.5)], 1, 12.0)
DIARY = "step,epoch,path,reference,hypothesis,error_rate\n9,1,a.wav,a b,a,50.0\n"


def save(model: Path) -> None:
    """Write a model."""
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"the weights")
    (model / "config.json").write_text("{}")
    write_sums(model)


class Stage:
    """Stage train with a training that takes no time, and how often that ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trainings, self.machine = 0, Machine()
        self.params: Any = SimpleNamespace(model=SimpleNamespace(name=".", revision=None), train=recipe())
        self.run = Path(".cache/training", fingerprint({}, []))
        monkeypatch.setattr(train, "read_params", lambda _: self.params)
        monkeypatch.setattr(train, "read_machine", lambda: self.machine)
        monkeypatch.setattr(train, "run_facts", lambda _: {})
        monkeypatch.setattr(train, "learn", self._learn)
        monkeypatch.setattr("stages.keeping.choice_name", lambda params: str(params.train.keep_of_base))
        monkeypatch.setattr("signal.signal", lambda *_: None)

    def _learn(self, folder: Path, machine: Machine, stop: StopRequest) -> None:
        self.trainings += 1
        write(folder, 9)
        (folder / "validation-9.csv").write_text(DIARY)
        keep(folder, save, {**asdict(TUNED), MIXED: 2})

    def __call__(self, keep_runs: int = 3, ranks: int = 1) -> dict[str, bytes]:
        """Run it; what it wrote."""
        self.machine = Machine(keep_runs=keep_runs, train_ranks=ranks)
        for output in (train.MODEL, train.OUT):
            shutil.rmtree(output, ignore_errors=True)
        train.main()
        return {**tree(train.MODEL), **tree(train.OUT)}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(monkeypatch)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_that_was_done_before_is_taken_as_it_was_and_not_trained(
    stage: Stage, ranks: int, capsys: pytest.CaptureFixture[str]
) -> None:
    first = stage()
    assert [sorted(path.name for path in folder.iterdir()) for folder in (stage.run, stage.run / RESULT)] == [
        ["chosen-0.0.json", RESULT, FACTS],
        [SUMS, "model", "model.sha256", "trained.json", "validation-9.csv"],
    ]
    assert "was done before" not in capsys.readouterr().err

    assert stage(ranks=ranks) == first

    assert stage.trainings == 1
    told = f"train: this run was done before: its model is taken from {stage.run} (remove that folder to train anew)\n"
    assert told in capsys.readouterr().err
    assert first["model.safetensors"] == b"the weights"
    assert b"9,,0.30000000000000004,,,inf," in first["curves.csv"]
    assert first["validation.csv"].decode() == DIARY


def test_what_is_written_about_a_run_that_was_done_before_is_what_the_code_writes_now(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage()
    monkeypatch.setattr(train, "COLUMNS", {"step": "step", "loss": "another name"})
    monkeypatch.setattr("asr.training.history.COLUMNS", {"step": "step", "loss": "another name"})

    assert stage()["curves.csv"].decode() == "step,another name\n9,0.30000000000000004\n"
    assert stage.trainings == 1


def lack(path: Path) -> None:
    path.unlink()


def shorten(path: Path) -> None:
    """Take the last line away."""
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]) or "x")


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        *((f"model/{name}", damage) for name in ("model.safetensors", SUMS) for damage in (flip, cut, lack, shorten)),
        *((name, damage) for name in ("trained.json", "validation-9.csv") for damage in (flip, cut, lack)),
        *((SUMS, damage) for damage in (cut, lack, shorten)),
        ("model/added.json", Path.touch),
    ],
)
def test_a_damaged_result_is_named_and_removed_and_the_run_is_trained_anew(
    stage: Stage, part: str, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    first = stage()
    damage(stage.run / RESULT / part)

    assert stage() == first

    assert stage.trainings == 2
    place = (stage.run / RESULT / part).parent
    told = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert len(told) == 1
    assert told[0].startswith(f"train: {place}/")
    assert told[0].endswith(": damaged, so this run's kept result is removed and it is trained anew")
    assert stage() == first
    assert stage.trainings == 2


def test_with_a_result_goes_what_was_chosen_from_it(tmp_path: Path) -> None:
    keep(tmp_path, save, {})
    note_choice(tmp_path, "auto", {"share": 0.5})
    flip(tmp_path / RESULT / "model/model.safetensors")

    assert not is_kept(tmp_path)

    assert not is_chosen_from(tmp_path)


def test_a_model_that_is_edited_where_the_stage_wrote_it_is_not_taken_for_the_kept_one(stage: Stage) -> None:
    first = stage()
    weights = train.MODEL / "model.safetensors"
    assert weights.samefile(stage.run / RESULT / "model/model.safetensors"), "a hard link, which takes no room"
    with weights.open("r+b") as file:
        file.write(b"my")

    assert stage() == first
    assert stage.trainings == 2


def test_a_model_is_copied_where_there_can_be_no_link(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stage()

    def refuse(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)

    assert stage() == first
    assert (train.MODEL / "model.safetensors").stat().st_nlink == 1


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def save_and_die(model: Path) -> None:
    save(model)
    die()


@pytest.mark.parametrize("moment", ["save", "write_json", "write_sums"])
def test_a_kill_in_the_middle_of_keeping_leaves_no_result(stage: Stage, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    write(stage.run, 9)
    with monkeypatch.context() as patch:
        patch.setattr(kept, moment, die, raising=moment != "save")
        arguments = (stage.run, save_and_die if moment == "save" else save, {**asdict(TUNED), MIXED: 2})
        killed = multiprocessing.get_context("fork").Process(target=keep, args=arguments)
        killed.start()
        killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert not is_finished(stage.run)
    assert (stage.run / "checkpoint-9").is_dir()
    shutil.rmtree(stage.run / "checkpoint-9")

    stage()

    assert stage.trainings == 1
    assert sorted(path.name for path in stage.run.iterdir()) == ["chosen-0.0.json", RESULT, FACTS]


def test_a_mistake_in_the_middle_of_keeping_leaves_nothing_that_takes_room(tmp_path: Path) -> None:
    def fill(model: Path) -> None:
        save(model)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        keep(tmp_path, fill, {})

    assert list(tmp_path.iterdir()) == []


def test_a_kill_between_keeping_and_writing_costs_no_training_and_leaves_no_checkpoint(stage: Stage) -> None:
    with claimed(stage.run):
        note_facts(stage.run, {})
        stage._learn(stage.run, stage.machine, StopRequest(stage.run / "stop"))

    stage()

    assert stage.trainings == 1
    assert sorted(path.name for path in stage.run.iterdir()) == ["chosen-0.0.json", RESULT, FACTS]


def test_no_run_is_kept_nor_taken_at_0(stage: Stage) -> None:
    first = stage()

    assert stage(keep_runs=0) == first

    assert stage.trainings == 2
    assert list(stage.run.parent.iterdir()) == []


def test_another_share_of_the_base_model_is_chosen_without_training(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, chosen = write_tiny_whisper(tmp_path / "base"), list[object]()
    stage.params.model = SimpleNamespace(name=str(base), revision=None, language=None, task="transcribe")
    tuned = load(str(base), None, "transcribe")
    take(tuned.model, {name: value + 1 for name, value in weights_of(tuned.model).items()})
    monkeypatch.setattr("tests.test_kept.save", tuned.save)

    def choose(whisper: Whisper, base: Whisper, tuned: Tuned, params: Any, *others: object) -> Kept:
        chosen.append(params.train.keep_of_base)
        share = 0.5 if params.train.keep_of_base == "auto" else params.train.keep_of_base
        mix(whisper, base, share)
        return Kept([Point(share, 11.0, {"general": 2.0}, 0.5)], share, 11.0)

    monkeypatch.setattr("stages.keeping.choose", choose)
    written = dict[object, dict[str, bytes]]()
    for share in ("auto", 0.25, "auto", 0.0, "auto"):
        stage.params.train = recipe(keep_of_base=share)
        outputs = stage()
        assert written.setdefault(share, outputs) == outputs
    damage = stage.run / "chosen-auto.json"
    damage.write_text(damage.read_text().replace("0.5", "0.4"))
    stage.params.train = recipe(keep_of_base="auto")
    assert stage() == written["auto"]

    assert (stage.trainings, chosen) == (1, ["auto", 0.25, "auto"])
    assert b'"kept_of_base": 0.25' in written[0.25]["summary.json"]
    assert written[0.0]["model.safetensors"] == (stage.run / RESULT / "model/model.safetensors").read_bytes()
    half = load_tuned(train.MODEL)
    for name, value in weights_of(half.model).items():
        torch.testing.assert_close(value, weights_of(tuned.model)[name] - 0.5)


def test_a_run_whose_share_is_not_chosen_yet_is_taken_where_none_is_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked_at_its_end(folder: Path, machine: Machine, stop: StopRequest) -> None:
        stage._learn(folder, machine, stop)
        stop.signal = signal.SIGINT

    def hear(*arguments: Any) -> Kept:
        assert arguments[-1].is_made
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(train, "learn", asked_at_its_end)
        patch.setattr(train, "write_model", hear)
        with pytest.raises(SystemExit) as ended:
            stage(keep_runs=0)
    assert ended.value.code == 128 + signal.SIGINT
    told = f"train: stopped; the run in {stage.run} is done, and what it keeps of the base model is chosen when it is taken\n"
    assert told in capsys.readouterr().err

    stage(keep_runs=0)

    assert stage.trainings == 1
    assert list(stage.run.parent.iterdir()) == []


def test_a_stop_of_a_run_before_does_not_end_the_choice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.run.mkdir(parents=True)
    stop = StopRequest(stage.run / "stop")
    (stage.run / "stop").touch()
    asked = list[bool]()
    monkeypatch.setattr(train, "write_model", lambda *arguments: asked.append(arguments[-1].is_made))

    train.keep_some(stage.run, TUNED, stage.params, Machine(), stop)

    assert asked == [False]


def test_the_runs_that_were_of_use_lately_are_kept_and_none_that_is_not_finished_or_not_ours_goes(tmp_path: Path) -> None:
    runs = [tmp_path / (digit * 16) for digit in "12345"]
    for number, run in enumerate(runs):
        keep(run, save, {})
        os.utime(run / RESULT, (number, number))
    at_work, stopped, mine = tmp_path / ("a" * 16), tmp_path / ("b" * 16), tmp_path / "mine"
    for folder in (at_work, mine):
        keep(folder, save, {})
        os.utime(folder / RESULT, (0, 0))
    write(stopped, 9)
    tmp_path.joinpath("c" * 16).symlink_to(mine)

    with claimed(at_work):
        forget(runs[0], keep=3)

    left = [path.name for path in sorted(tmp_path.iterdir()) if path.is_dir()]
    assert left == [runs[0].name, runs[3].name, runs[4].name, at_work.name, stopped.name, "c" * 16, "mine"]


def test_a_run_is_of_use_when_it_is_taken(stage: Stage) -> None:
    stage()
    os.utime(stage.run / RESULT, (0, 0))

    stage()

    assert (stage.run / RESULT).stat().st_mtime > 0
