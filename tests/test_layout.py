"""The code's shape: how long a file may be, and what no answer to `--help` has to wait for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT, STAGES, environment

CODE = ("asr", "stages", "commands", "bench", "tools")
COMMANDS = ("check", "cache", "ci", "compare", "demo", "publish", "repro", "transcribe")
HEAVY = {"torch", "transformers", "pyarrow", "datasets", "pandas", "dvc", "huggingface_hub"}


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_module_is_longer_than_250_lines() -> None:
    modules = [path for package in CODE for path in (ROOT / package).rglob("*.py")]

    assert len(modules) > 100
    assert [path.relative_to(ROOT).as_posix() for path in modules if lines(path) > 250] == []


def test_no_package_has_more_than_15_modules() -> None:
    modules = {
        folder.name: [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        for folder in (ROOT / "asr").iterdir()
        if folder.joinpath("__init__.py").exists()
    }

    assert len(modules) == 18
    assert {name: len(paths) for name, paths in modules.items() if len(paths) > 15} == {}


def test_the_pipeline_is_shorter_than_400_lines() -> None:
    assert lines(ROOT / "dvc.yaml") < 400


@pytest.mark.parametrize("module", [*(f"stages.{name}" for name in STAGES), *(f"commands.{name}" for name in COMMANDS)])
def test_help_imports_nothing_that_takes_seconds(module: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", module, "--help"]

    told = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stderr
    assert f"usage: python -m {module}" in told.stdout
    imported = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    assert "argparse" in imported
    assert imported & HEAVY == set()
