"""Checkpoints: the newest whole one, and one process at a time."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME

from asr.base.errors import DataError
from asr.training.checkpoints import Past, claimed, newest, read_past, remove_unfinished

WEIGHTS = "model.safetensors"
PARTS = (WEIGHTS, OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME)


def write(folder: Path, step: int, epoch: float = 1.0, is_over: bool = False) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    for part in PARTS[:-1]:
        (checkpoint / part).touch()
    control = {"args": {"should_training_stop": is_over}}
    state = {"epoch": epoch, "log_history": [{"step": step}], "stateful_callbacks": {"TrainerControl": control}}
    (checkpoint / TRAINER_STATE_NAME).write_text(json.dumps(state))
    return checkpoint


def test_the_newest_checkpoint_is_that_of_the_last_step(tmp_path: Path) -> None:
    for step in (100, 9, 10):
        write(tmp_path, step)

    assert newest(tmp_path) == tmp_path / "checkpoint-100"
    shutil.rmtree(tmp_path / "checkpoint-100")
    assert newest(tmp_path) == tmp_path / "checkpoint-10"


@pytest.mark.parametrize("part", PARTS)
def test_a_checkpoint_that_lacks_a_part_is_passed_over_and_removed(tmp_path: Path, part: str) -> None:
    whole, broken = write(tmp_path, 9), write(tmp_path, 10)
    (broken / part).unlink()

    assert newest(tmp_path) == whole
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-9"]
    assert sorted(path.name for path in whole.iterdir()) == sorted(PARTS)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_checkpoint_whose_state_is_cut_off_is_passed_over_and_removed(tmp_path: Path, share: float) -> None:
    whole, broken = write(tmp_path, 9), write(tmp_path, 10)
    state = (broken / TRAINER_STATE_NAME).read_bytes()
    (broken / TRAINER_STATE_NAME).write_bytes(state[: int(share * len(state))])

    assert newest(tmp_path) == whole
    remove_unfinished(tmp_path)
    assert not broken.exists()


def test_what_is_no_checkpoint_stays(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "ray").mkdir()

    remove_unfinished(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "ray"]


def test_the_weights_may_be_in_several_files_or_loras(tmp_path: Path) -> None:
    for step, weights in ((9, "model-00001-of-00002.safetensors"), (10, "adapter_model.safetensors")):
        checkpoint = write(tmp_path, step)
        (checkpoint / WEIGHTS).rename(checkpoint / weights)

    assert newest(tmp_path) == tmp_path / "checkpoint-10"


def test_a_new_run_has_no_past(tmp_path: Path) -> None:
    assert read_past(tmp_path) == Past(None, 0, False, ())
    assert read_past(tmp_path / "nowhere") == Past()


@pytest.mark.parametrize("is_over", [False, True])
def test_the_past_is_that_of_the_newest_checkpoint(tmp_path: Path, is_over: bool) -> None:
    write(tmp_path, 9, epoch=1.0)
    write(tmp_path, 25, epoch=2.75, is_over=is_over)

    assert read_past(tmp_path) == Past(tmp_path / "checkpoint-25", 2, is_over, ({"step": 25},))


HOLDER = """
import sys, time
from pathlib import Path
from asr.training.checkpoints import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    time.sleep(60)
"""


def test_a_claim_lasts_until_its_process_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cache" / "run"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "claimed\n"

        with pytest.raises(DataError, match=rf"process {holder.pid} trains the same run; stop it \(`kill"):  # noqa: SIM117
            with claimed(folder, patience_seconds=0):
                pass

        threading.Timer(0.7, holder.send_signal, [signal.SIGKILL]).start()
        start = time.monotonic()
        with claimed(folder, patience_seconds=10):
            assert time.monotonic() - start > 0.5
            assert (folder.parent / "run.lock").read_text() == str(os.getpid())
    finally:
        holder.kill()
        holder.communicate()

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
