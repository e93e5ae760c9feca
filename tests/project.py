"""A copy of this project with a small data set and a tiny model, for tests that run stages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from stages.common.params import Yaml12Loader
from tests.sounds import write_tiny_whisper, write_tone

ROOT = Path(__file__).parent.parent
STAGES = tuple(
    """validate split sets mix describe features_eval features_train base listen train baseline evaluate export usage
    report""".split()
)
SPEAKERS = 30
EVIL = "$(touch harm);`touch harm` ${{x}} @all <!-- one"
"""The transcript of the first clip: nothing may take it for anything but text."""

EDITS = {
    "filter": {"max_seconds": 4.0},
    "model": {"name": "models/pico"},
    "split": {"validation_share": 0.2, "test_share": 0.2},
    "train": {"epochs": 1, "effective_batch": 8},
    "decode": {"max_new_tokens": 6},
    "export": {"quantization": None},
    "usage": {"clips": 2},
}


def make_project(folder: Path, audio: Path) -> Path:
    """The code, two tiny models, a CSV of 60 tones in `audio` (which may lie outside) with a bad row, and another test set."""
    folder.mkdir(parents=True)
    for name in ("asr", "stages", "commands"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "decisions.csv", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    write_tiny_whisper(folder / "models" / "pico")
    write_tiny_whisper(folder / "models" / "other")
    params = read_yaml(ROOT / "params.yaml")
    for section, values in EDITS.items():
        params[section].update(values)
    params["data"].update(csv=str(audio / "clips.csv"), audio_root=str(audio))
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    lines = ["audios,transcription,speaker"]
    for number in range(2 * SPEAKERS):
        text = f"this is sentence {number}" if number else EVIL
        seconds = 1.2 + number % 9 / 10 if number else 3.2  # as long a transcript takes longer
        write_tone(audio / "audios" / f"{number}.wav", seconds=seconds, hertz=150 + 10 * number)
        lines.append(f"audios/{number}.wav,{text},speaker {number % SPEAKERS}")
    lines.insert(5, "audios/missing.wav,nobody recorded this,speaker 1")
    (audio / "clips.csv").write_text("\n".join(lines) + "\n")
    write_general(folder / "data" / "general")
    return folder


def write_general(folder: Path) -> None:
    """Another test set of 5 clips by nobody known, and a row that can't be used."""
    lines = ["file,text", "gone.wav,this file is missing"]
    for number in range(5):
        write_tone(folder / f"{number}.wav", seconds=1.5 + number / 10, hertz=500 + 10 * number)
        lines.append(f"{number}.wav,general sentence {number}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")


def read_yaml(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=Yaml12Loader)
    return values


def environment(**more: str) -> dict[str, str]:
    """The environment of this process, with its Python first on the path; no network.

    One worker, as each takes longer to begin than all that is asked of it in a test.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "ASR_WORKERS": "1", **more}


def run_stage(stage: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a stage in `folder` as dvc.yaml does; the cache is beside the folder, where a stage that writes strays shows."""
    more = {"ASR_CACHE": str(folder.parent / f"{folder.name}.cache"), **more}
    command = [sys.executable, "-m", f"stages.{stage}"]
    return subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, check=False)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file's content by its path, but for what Python compiled."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.parent.name != "__pycache__")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
