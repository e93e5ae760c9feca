"""Checkpoints: the newest whole one, and one process at a time."""

import json
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME

from asr.base.errors import DataError
from asr.base.hashes import fingerprint
from asr.machine.shutdown import StopRequest
from asr.model.checksums import SUMS, write_sums
from asr.training.checkpoints import (
    FACTS,
    OtherRun,
    Past,
    checked,
    claimed,
    differences,
    finish,
    newest,
    note_facts,
    other_runs,
    read_past,
    remove_unfinished,
)
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
    monkeypatch.setattr(train, "SUMMARY", tmp_path / "summary.json")
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


def hold(folder: Path, connection: Connection) -> None:
    with claimed(folder):
        connection.send("claimed")
        time.sleep(60)


def test_a_claim_lasts_until_its_process_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cache" / "run"
    context = multiprocessing.get_context("fork")  # any other has to import transformers first
    here, there = context.Pipe()
    holder = context.Process(target=hold, args=(folder, there))
    holder.start()
    try:
        assert here.poll(30)
        assert here.recv() == "claimed"

        with pytest.raises(DataError, match=rf"process {holder.pid} trains the same run; stop it \(`kill"):  # noqa: SIM117
            with claimed(folder, patience_seconds=0):
                pass

        threading.Timer(0.7, holder.kill).start()
        start = time.monotonic()
        with claimed(folder, patience_seconds=10):
            assert time.monotonic() - start > 0.5
            assert (folder.parent / "run.lock").read_text() == str(os.getpid())
    finally:
        holder.kill()
        holder.join()

    assert f"waiting for process {holder.pid}" in capsys.readouterr().err


def test_a_claim_ends_with_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(tmp_path, patience_seconds=0), pytest.raises(DataError), claimed(tmp_path, patience_seconds=0):
            pass


def test_an_error_ends_a_claim(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), claimed(tmp_path):
        raise ZeroDivisionError

    with claimed(tmp_path, patience_seconds=0):
        pass


def test_who_waits_for_a_run_that_ends_and_tidies_up_has_a_claim_that_holds(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    other = claimed(folder)
    with ThreadPoolExecutor(1) as pool, claimed(folder):
        second = pool.submit(other.__enter__)
        time.sleep(0.5)
        shutil.rmtree(folder)

        with pytest.raises(TimeoutError):
            second.result(timeout=0)
    second.result(timeout=10)

    assert folder.is_dir()
    with pytest.raises(DataError, match="trains the same run"):
        claimed(folder, patience_seconds=0).__enter__()


def test_a_run_that_fails_before_its_first_checkpoint_leaves_no_folder(tmp_path: Path) -> None:
    def fail(folder: Path, step: int | None) -> None:
        with claimed(folder):
            note_facts(folder, {})
            if step:
                write(folder, step)
            raise DataError("no such model")

    for name, step in (("fails at once", None), ("fails later", 9)):
        with pytest.raises(DataError, match="no such model"):
            fail(tmp_path / name, step)

    assert [path.name for path in tmp_path.iterdir()] == ["fails later"]


def test_what_killed_runs_left_without_a_checkpoint_is_removed_and_nothing_else(tmp_path: Path) -> None:
    killed, has_more, has_checkpoint, at_work = (tmp_path / (digit * 16) for digit in "1234")
    for folder in (killed, has_more, has_checkpoint, at_work, tmp_path / "mine", tmp_path / "ffff"):
        folder.mkdir()
    for folder in (killed, has_more, has_checkpoint):
        note_facts(folder, {})
    tmp_path.joinpath(f"{killed.name}.lock").write_text("1")
    (has_more / "validation-9.csv").touch()
    write(has_checkpoint, 9)

    with claimed(at_work):
        remove_unfinished(tmp_path / "another")

        assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [
            has_more.name, has_checkpoint.name, at_work.name, "ffff", "mine",
        ]  # fmt: skip
    assert not tmp_path.joinpath(f"{killed.name}.lock").exists()


RUN = {
    "params": {"model": {"name": "models/pico"}, "train": {"epochs": 5, "seed": 42}},
    "packages": {"torch": "2.13.0"},
    "code": "0123",
    "data": "4567",
}


def test_a_run_with_a_checkpoint_that_is_not_gone_on_with_is_named_with_what_differs(tmp_path: Path) -> None:
    other_model = {**RUN, "params": {**RUN["params"], "model": {"name": "models/other"}}}  # type: ignore[dict-item]
    for name, facts in (("earlier", RUN), ("of another model", other_model), ("without a checkpoint", RUN)):
        (tmp_path / name).mkdir()
        note_facts(tmp_path / name, facts)
    write(tmp_path / "earlier", 9)
    write(tmp_path / "earlier", 14)
    write(tmp_path / "of another model", 9)
    (tmp_path / "not ours").mkdir()
    (tmp_path / "not ours" / FACTS).write_text("{")
    write(tmp_path / "not ours", 9)
    now = {**RUN, "params": {"model": {"name": "models/pico"}, "train": {"epochs": 6, "seed": 42}}, "code": "89ab"}

    assert other_runs(tmp_path / "now", now) == [OtherRun(tmp_path / "earlier", 14, ("train.epochs 5 -> 6", "code"))]
    assert other_runs(tmp_path / "earlier", now) == []


def test_differences_are_named_in_full() -> None:
    assert list(differences(RUN, RUN)) == []
    assert list(differences(RUN, {**RUN, "packages": {"torch": "2.14.0", "peft": "1"}, "data": "ab"})) == [
        "packages.torch 2.13.0 -> 2.14.0", "packages.peft None -> 1", "data",
    ]  # fmt: skip
