"""Whole runs of a small project, for tests that disturb them."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import yaml

from tests.project import environment, make_project, read_yaml, tree
from tests.sounds import write_tiny_whisper

REPRO = [sys.executable, "-m", "commands.repro"]


def make_ready(folder: Path) -> Path:
    """A DVC project that has never run, with an export in it."""
    project = make_project(folder, folder / "data/sample")
    write_tiny_whisper(project / "models/pico", window_seconds=30)
    params = read_yaml(project / "params.yaml")
    params["data"].update(csv="data/sample/clips.csv", audio_root="data/sample")
    params["train"].update(epochs=3, effective_batch=4)
    params["export"].update(quantization="float32")
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=project, check=True)
    return project


def copied(project: Path, folder: Path) -> Path:
    """A copy of it in a folder, which is made; nothing that is compared knows its name."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", project, folder / "project"], check=True)
    return folder / "project"


def begun(project: Path, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Begin a run, as a process group of its own, that saves a checkpoint after each step; what it says goes into `log`."""
    surroundings = environment(ASR_CHECKPOINT_MINUTES="0.001")
    with log.open("ab") as file:
        return subprocess.Popen(command, cwd=project, env=surroundings, stdout=file, stderr=file, start_new_session=True)


def processes(project: Path) -> list[psutil.Process]:
    """All that run in the project."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(project) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def running_stage(project: Path) -> str:
    """The stage that runs; blank where none does."""
    for process in processes(project):
        with suppress(psutil.Error):
            command = process.cmdline()
            if command[1:2] == ["-m"] and command[2].startswith("stages."):
                return str(command[2].removeprefix("stages."))
    return ""


def timeline(project: Path, running: "subprocess.Popen[bytes]") -> dict[str, float]:
    """The seconds that each stage of a run takes, until it ends."""
    seconds: dict[str, float] = {}
    last = time.monotonic()
    while running.poll() is None:
        now, stage = time.monotonic(), running_stage(project)
        if stage:
            seconds[stage] = seconds.get(stage, 0.0) + now - last
        last = now
        time.sleep(0.02)
    return seconds


def wait_for_moment(project: Path, running: "subprocess.Popen[bytes]", stage: str, seconds: float) -> None:
    """Wait until so many seconds after a stage has begun, or until the run has ended without it."""
    while running.poll() is None and running_stage(project) != stage:
        time.sleep(0.01)
    if running.poll() is None:
        time.sleep(max(0.0, seconds))


def results(project: Path) -> dict[str, bytes]:
    """dvc.lock, and the metrics that are the same whenever they are made."""
    endings = (".json", ".txt", ".csv", ".jsonl")
    metrics = {name: content for name, content in tree(project / "metrics").items() if name.endswith(endings)}
    return {**metrics, "dvc.lock": (project / "dvc.lock").read_bytes()}
