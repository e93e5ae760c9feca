"""Whole runs of a small project, for tests that disturb them."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.project import environment, tree

REPRO = [sys.executable, "-m", "commands.repro"]


def copied(project: Path, folder: Path) -> Path:
    """A copy of it in a folder, which is made; nothing that is compared knows its name."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", project, folder / "project"], check=True)  # hard links stay such
    return folder / "project"


def begun(project: Path, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Begin a run as `make repro` does, with a checkpoint after each step, in a process group of its own; it writes `log`."""
    surroundings = environment(ASR_CHECKPOINT_MINUTES="0.001")
    with log.open("ab") as file:
        subprocess.run([sys.executable, "-P", "commands/compiled.py"], cwd=project, env=surroundings, stderr=file, check=True)
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


def is_there(project: Path, running: "subprocess.Popen[bytes]", stage: str, seconds: float) -> bool:
    """Wait until so many seconds after a stage has begun; whether the run goes on still."""
    while running.poll() is None and running_stage(project) != stage:
        time.sleep(0.01)
    if running.poll() is None:
        time.sleep(seconds)
    return running.poll() is None


def results(project: Path) -> dict[str, bytes]:
    """dvc.lock, and the metrics that are the same whenever they are made."""
    endings = (".json", ".txt", ".csv", ".jsonl")
    metrics = {name: content for name, content in tree(project / "metrics").items() if name.endswith(endings)}
    return {**metrics, "dvc.lock": (project / "dvc.lock").read_bytes()}
