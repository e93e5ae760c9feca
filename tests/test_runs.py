"""Folders of runs: one process at a time, what determines each, and which of them stay."""

import multiprocessing
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from asr.base.errors import DataError
from asr.runs.claims import claimed
from asr.runs.facts import OtherRun, differences, note_facts, other_runs
from asr.runs.folders import FACTS, sweep
from asr.training.checkpoints import SEARCH
from tests.test_checkpoints import write


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
        sweep(tmp_path / "another")

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
    (tmp_path / "searching" / SEARCH).mkdir(parents=True)
    note_facts(tmp_path / "searching", RUN)
    (tmp_path / "not ours").mkdir()
    (tmp_path / "not ours" / FACTS).write_text("{")
    write(tmp_path / "not ours", 9)
    now = {**RUN, "params": {"model": {"name": "models/pico"}, "train": {"epochs": 6, "seed": 42}}, "code": "89ab"}

    differing = ("train.epochs 5 -> 6", "code")
    earlier, searching = OtherRun(tmp_path / "earlier", 14, differing), OtherRun(tmp_path / "searching", None, differing)
    assert other_runs(tmp_path / "now", now) == [earlier, searching]
    assert other_runs(tmp_path / "earlier", now) == [searching]


def test_differences_are_named_in_full() -> None:
    assert list(differences(RUN, RUN)) == []
    assert list(differences(RUN, {**RUN, "packages": {"torch": "2.14.0", "peft": "1"}, "data": "ab"})) == [
        "packages.torch 2.13.0 -> 2.14.0", "packages.peft None -> 1", "data",
    ]  # fmt: skip
