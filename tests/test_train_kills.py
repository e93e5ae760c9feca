"""Training killed at random moments: no process is left, and the next `dvc repro` ends as if nothing had happened."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from tests.project import environment, make_project, read_yaml

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "2"))
STATES = ".cache/training/*/checkpoint-*/trainer_state.json"
EPOCHS, STEPS = 6, 54
RESULTS = ("curves.csv", "validation.csv", "summary.json")


def dvc(project: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "dvc", *arguments]
    shell = environment(SHELL="/bin/sh")  # which may stay between DVC and the stage, unlike bash
    return subprocess.Popen(command, cwd=project, env=shell, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC project ready to train, for some seconds."""
    folder = tmp_path_factory.mktemp("ready") / "project"
    project = make_project(folder, folder / "data/sample")
    params = read_yaml(project / "params.yaml")
    params["data"].update(csv="data/sample/clips.csv", audio_root="data/sample")
    params["train"].update(epochs=EPOCHS, effective_batch=4, dropout=0.1, time_masks=1, early_stopping_patience=EPOCHS)
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    for command in (("init", "--quiet"), ("repro", "--quiet", "features_eval", "features_train", "listen")):
        assert dvc(project, *command).wait() == 0
    return project


@pytest.fixture
def project(ready: Path) -> Path:
    """The same, which has never trained."""
    forget(ready)
    return ready


def forget(project: Path) -> None:
    """As if training had never run."""
    for folder in ("models/whisper", "metrics", ".cache/training", ".dvc/cache/runs"):
        shutil.rmtree(project / folder, ignore_errors=True)
    lock = project / "dvc.lock"
    lock.write_text(lock.read_text().split("  train:")[0])


def trainers(project: Path) -> list[psutil.Process]:
    """The train stages that run in the project."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline()[1:] == ["-m", "stages.train"] and process.cwd() == str(project):
                found.append(process)
    return found


def require_end(project: Path) -> None:
    """Nobody trains any more, at most a moment after DVC has ended."""
    for trainer in trainers(project):
        trainer.wait(timeout=20)


def started(project: Path, running: "subprocess.Popen[bytes]") -> psutil.Process:
    while not (there := trainers(project)):
        assert running.poll() is None, "DVC ended without the stage"
        time.sleep(0.01)
    return there[0]


def newest_step(project: Path) -> int:
    return max((int(path.parent.name.rpartition("-")[2]) for path in project.glob(STATES)), default=0)


def wait_for_step(project: Path, stage: psutil.Process, step: int) -> None:
    """Until a checkpoint of `step` or a later one is there, or the stage has ended."""
    while stage.is_running() and stage.status() != psutil.STATUS_ZOMBIE and newest_step(project) < step:
        time.sleep(0.01)


def results(project: Path) -> dict[str, bytes]:
    files = {name: (project / "metrics/train" / name).read_bytes() for name in RESULTS}
    return {**files, "weights": (project / "models/whisper/model.safetensors").read_bytes()}


def test_whatever_is_killed_whenever_nothing_is_left_and_the_next_run_ends_alike(project: Path) -> None:
    running = dvc(project, "repro", "train")
    start, stage = time.monotonic(), started(project, running)
    wait_for_step(project, stage, 1)
    seconds = time.monotonic() - start  # before the first checkpoint; what comes then is told by its steps
    assert running.wait() == 0
    unbroken = results(project)
    draw = random.Random(4)
    resumed = []

    for number in range(KILLS):
        forget(project)
        running = dvc(project, "repro", "train")
        stage = started(project, running)
        share = 2 * (number + draw.random()) / KILLS  # below 1: of the seconds before the first checkpoint, then of the steps
        if share <= 1:
            time.sleep(seconds * share)
        else:
            wait_for_step(project, stage, int((share - 1) * STEPS))
        victim, how = [(stage, signal.SIGKILL), (running, signal.SIGKILL), (running, signal.SIGTERM)][number % 3]
        with suppress(psutil.NoSuchProcess):  # it may have ended by then
            victim.send_signal(how)
        running.wait()
        require_end(project)
        checkpoints = [path.name for path in project.glob(".cache/training/*/checkpoint-*")]

        assert dvc(project, "repro", "train").wait() == 0

        whom = "the stage" if victim is stage else "dvc"
        moment = f"{seconds * share:.2f} of {seconds:.2f} s" if share <= 1 else f"step {int((share - 1) * STEPS)} of {STEPS}"
        print(f"{how.name} to {whom} after {moment}; there were {sorted(checkpoints) or 'no checkpoints'}")
        assert not trainers(project)
        kept = [path.name.partition("-")[0] for path in project.glob(".cache/training/*/*")]
        assert sorted(kept) == ["chosen", "result", "run.json"]
        assert len(list(project.glob(".cache/training/*"))) == 1
        assert results(project) == unbroken
        resumed.append(bool(checkpoints))
    assert any(resumed), "none was in the middle of training"


def test_an_orphan_ends_by_itself_with_a_checkpoint(project: Path) -> None:
    running = dvc(project, "repro", "train")
    stage = started(project, running)
    while not list(project.glob(STATES)):
        time.sleep(0.05)

    running.kill()
    running.wait()

    stage.wait(timeout=30)
    assert not trainers(project)
    last = max(json.loads(path.read_text())["global_step"] for path in project.glob(STATES))
    assert 0 < last < STEPS
    assert not (project / "models/whisper").exists()
