"""Checkpoints: the newest whole one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME

from asr.base.hashes import fingerprint
from asr.machine.shutdown import StopRequest
from asr.model.checksums import SUMS, write_sums
from asr.training.checkpoints import Past, checked, finish, newest, read_past, remove_unfinished
from stages import train
from stages.common.machine import Machine
from tests.damage import cut, flip
from tests.recipes import recipe

WEIGHTS = "model.safetensors"
PARTS = (WEIGHTS, OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME)


def write(folder: Path, step: int, epoch: float = 1.0, is_over: bool = False, best: int | None = None) -> Path:
    """A checkpoint as the library saves it, and its sums; `best` is the step of the best epoch until then."""
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    for part in PARTS[:-1]:
        (checkpoint / part).write_bytes(f"{part} of {step}".encode())
    control = {"args": {"should_training_stop": is_over}}
    callbacks = {"TrainerControl": control}
    state = {"epoch": epoch, "log_history": [{"step": step}], "stateful_callbacks": callbacks, "best_global_step": best}
    (checkpoint / TRAINER_STATE_NAME).write_text(json.dumps(state))
    write_sums(checkpoint)
    return checkpoint


def steps(folder: Path) -> set[int]:
    """Of all checkpoints that are there."""
    return {int(path.name.rpartition("-")[2]) for path in folder.glob("checkpoint-*")}


def test_the_newest_checkpoint_is_that_of_the_last_step(tmp_path: Path) -> None:
    for step in (100, 9, 10):
        write(tmp_path, step)

    assert newest(tmp_path) == tmp_path / "checkpoint-100"
    shutil.rmtree(tmp_path / "checkpoint-100")
    assert newest(tmp_path) == tmp_path / "checkpoint-10"


@pytest.mark.parametrize("part", [*PARTS, SUMS])
def test_a_checkpoint_that_lacks_a_part_is_passed_over_and_removed(
    tmp_path: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, broken = write(tmp_path, 9), write(tmp_path, 10)
    (broken / part).unlink()

    assert newest(tmp_path) == whole
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-9"]
    assert sorted(path.name for path in whole.iterdir()) == sorted((*PARTS, SUMS))
    assert capsys.readouterr().err == f"train: {broken}: not whole, removed\n"


@pytest.mark.parametrize("damage", [flip, cut])
@pytest.mark.parametrize("part", PARTS)
def test_a_damaged_checkpoint_is_named_and_removed_and_the_one_before_is_taken(
    tmp_path: Path, part: str, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before, broken = write(tmp_path, 9), write(tmp_path, 10)
    damage(broken / part)

    assert checked(tmp_path) == before

    assert capsys.readouterr().err == f"train: {broken}: {part} is damaged; going on from checkpoint-9\n"
    assert steps(tmp_path) == {9}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
def test_sums_that_are_cut_off_make_no_checkpoint(tmp_path: Path, share: float) -> None:
    whole, broken = write(tmp_path, 9), write(tmp_path, 10)
    sums = (broken / SUMS).read_bytes()
    (broken / SUMS).write_bytes(sums[: int(share * len(sums))])

    assert newest(tmp_path) == whole


def test_when_the_best_epochs_checkpoint_is_damaged_the_run_goes_on_from_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, best = write(tmp_path, 9), write(tmp_path, 14, best=14)
    for step in (20, 27):
        write(tmp_path, step, best=14)
    flip(best / WEIGHTS)

    assert checked(tmp_path) == before

    said = capsys.readouterr().err
    assert said == f"train: {best}: the best epoch's {WEIGHTS} is damaged; going on from checkpoint-9\n"
    assert steps(tmp_path) == {9}


def test_a_run_that_lacks_its_best_epochs_checkpoint_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, 27, best=14)

    assert checked(tmp_path) is None

    said = capsys.readouterr().err
    assert said == f"train: {tmp_path}/checkpoint-14: the best epoch's is not whole; going on from the beginning\n"
    assert steps(tmp_path) == set()


def test_when_all_checkpoints_are_damaged_each_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for step in (9, 14):
        cut(write(tmp_path, step) / OPTIMIZER_NAME)

    assert checked(tmp_path) is None

    first, second = (f"{tmp_path}/checkpoint-{step}: {OPTIMIZER_NAME} is damaged" for step in (14, 9))
    assert capsys.readouterr().err == f"train: {first}; {second}; going on from the beginning\n"


def test_whole_checkpoints_stay_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, 9, best=9)
    last = write(tmp_path, 14, best=9)

    assert checked(tmp_path) == last
    assert steps(tmp_path) == {9, 14}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("keep", "kept"), [(1, {9, 20}), (2, {9, 20}), (3, {9, 14, 20})])
def test_the_best_until_now_stays_beside_a_better_one_which_may_turn_out_damaged(
    tmp_path: Path, keep: int, kept: set[int]
) -> None:
    best, _, better = write(tmp_path, 9, best=9), write(tmp_path, 14, best=9), write(tmp_path, 20, best=20)
    (better / SUMS).unlink()

    finish(better, keep, str(best))

    assert steps(tmp_path) == kept
    assert newest(tmp_path) == better
    flip(better / WEIGHTS)
    assert checked(tmp_path) == (tmp_path / "checkpoint-14" if keep == 3 else best)


def test_the_stage_reads_the_newest_checkpoint_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[Path | None] = []

    def learn(folder: Path, machine: Machine, stop: StopRequest) -> None:
        taken.append(read_past(folder).checkpoint)

    settings = SimpleNamespace(train=recipe())
    for name, value in {"read_params": settings, "read_machine": Machine(checkpoints=str(tmp_path)), "run_facts": {}}.items():
        monkeypatch.setattr(train, name, lambda *_, value=value: value)
    monkeypatch.setattr(train, "learn", learn)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    run = tmp_path / fingerprint({}, [])
    before, broken = write(run, 9), write(run, 10)
    cut(broken / OPTIMIZER_NAME)

    with pytest.raises(SystemExit):
        train.main()

    assert taken == [before]
    assert capsys.readouterr().err.splitlines() == [
        f"train: {broken}: {OPTIMIZER_NAME} is damaged; going on from checkpoint-9",
        f"train: goes on from {before}",
        f"train: stopped; the same run goes on from its checkpoint in {before}",
    ]


def test_a_run_that_is_stopped_in_its_search_for_a_rate_says_so(tmp_path: Path) -> None:
    assert train.where_it_goes_on(tmp_path) == "has no checkpoint yet, and begins anew"
    (tmp_path / "search").mkdir()
    assert train.where_it_goes_on(tmp_path) == f"goes on with its search for a rate, in {tmp_path}/search"


def test_what_is_no_checkpoint_stays(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "ray").mkdir()

    remove_unfinished(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "ray"]


def test_the_weights_may_be_in_several_files_or_loras(tmp_path: Path) -> None:
    for step, weights in ((9, "model-00001-of-00002.safetensors"), (10, "adapter_model.safetensors")):
        checkpoint = write(tmp_path, step)
        (checkpoint / WEIGHTS).rename(checkpoint / weights)
        write_sums(checkpoint)

    assert newest(tmp_path) == tmp_path / "checkpoint-10"


def test_a_new_run_has_no_past(tmp_path: Path) -> None:
    assert read_past(tmp_path) == Past(None, 0, False, ())
    assert read_past(tmp_path / "nowhere") == Past()


@pytest.mark.parametrize("is_over", [False, True])
def test_the_past_is_that_of_the_newest_checkpoint(tmp_path: Path, is_over: bool) -> None:
    write(tmp_path, 9, epoch=1.0)
    write(tmp_path, 25, epoch=2.75, is_over=is_over)

    assert read_past(tmp_path) == Past(tmp_path / "checkpoint-25", 2, is_over, ({"step": 25},))
