"""The benchmark of validation, on few and short clips."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT, environment


@pytest.mark.slow
def test_every_run_is_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.validation", "--clips", "60", "--seconds", "1", "--folder", str(tmp_path)]

    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout.splitlines()[-1])
    assert [(run["name"], run["clips"]) for run in figures["runs"]] == [
        ("decoding alone", 60),
        ("the first time", 60),
        ("again, one transcript edited", 60),
        ("again, 1 % more clips", 61),
        ("again, every file touched", 61),
    ]
    assert all(run["seconds"] > 0 for run in figures["runs"])
    assert all(target["name"] in result.stdout for target in figures["targets"])
