"""Whole runs of a small project, for tests that disturb them."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml
from safetensors.torch import load_file, save_file

from tests.project import STAGES, environment, make_project, read_yaml, tree
from tests.sounds import write_tiny_whisper
from tests.test_pipeline import shared

REPRO = [sys.executable, "-m", "commands.repro"]


def make_ready(folder: Path) -> Path:
    """A DVC project that has never run, with an export in it, and a model that soon has nothing more to say."""
    project = make_project(folder, folder / "data/sample")
    silence(write_tiny_whisper(project / "models/pico", window_seconds=30, positions=448))
    params = read_yaml(project / "params.yaml")
    params["data"].update(csv="data/sample/clips.csv", audio_root="data/sample")
    params["train"].update(epochs=3, effective_batch=4)
    params["export"].update(quantization="float32")
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    dvc = [sys.executable, "-m", "dvc"]
    for command in (["git", "init", "--quiet"], [*dvc, "init", "--quiet"], [*dvc, "config", "cache.type", "hardlink,copy"]):
        subprocess.run(command, cwd=project, check=True)
    return project


@dataclass(frozen=True)
class Undisturbed:
    """A project that has never run, a copy in which a run has come to its end, and the seconds that each stage took."""

    ready: Path
    ended: Path
    seconds: dict[str, float]


def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Made once for all tests."""
    ended = shared(tmp_path_factory, "undisturbed", _run_undisturbed)
    return Undisturbed(ended.with_name("ready"), ended, json.loads(ended.with_name("seconds").read_text()))


def _run_undisturbed(project: Path) -> None:
    copied(make_ready(project.with_name("ready")), project.parent)
    log = project.with_name("log")
    running = begun(project, REPRO, log)
    seconds = timeline(project, running)
    assert running.returncode == 0, log.read_text()
    assert set(seconds) == set(STAGES)
    project.with_name("seconds").write_text(json.dumps(seconds))


def silence(model: Path) -> None:
    """Make the end of a text the likeliest token: random weights would write until there is no more room."""
    weights = load_file(model / "model.safetensors")
    embeddings, bias = (weights[f"model.decoder.{name}"] for name in ("embed_tokens.weight", "layer_norm.bias"))
    bias[:] = embeddings[json.loads((model / "config.json").read_text())["eos_token_id"]] * 1_000
    save_file(weights, model / "model.safetensors", {"format": "pt"})


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
