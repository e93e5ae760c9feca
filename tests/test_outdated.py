"""A run that stops leaves no metrics of the run before without a mark, and one that ends leaves what it would have left."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr.base.errors import DataError
from commands import check, repro
from commands.comparing.sides import WORKSPACE, read_side
from commands.publishing.contents import readme_of
from stages.common.outdated import is_outdated, outdate
from tests.project import ROOT, environment, tree

MARK = {"outdated": "a run has begun since, at stage train, and has not ended; `make repro` goes on with it"}
DVC = """stages:
  train: {cmd: exec python -m stages.train, deps: [settings], outs: [model]}
  report:
    cmd: python -m stages.report
    deps: [model]
    outs: [metrics/report.html, metrics/report.txt, metrics/card.md, metrics/plots]
    metrics: [metrics/evaluate.json: {cache: false}]
"""
TRAIN = """from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import os
import signal
from pathlib import Path


def main() -> None:
    asked = Path("settings").read_text().split()
    if "die" in asked:
        os.kill(os.getpid(), signal.SIGKILL)
    Path("model").write_text(asked[0])


if __name__ == "__main__":
    run("train", main)
"""
REPORT = """import json
from pathlib import Path

found = Path("model").read_text()
Path("metrics/plots").mkdir(parents=True)
for name in ("report.html", "report.txt", "card.md", "plots/errors.csv"):
    Path("metrics", name).write_text(found)
Path("metrics/evaluate.json").write_text(json.dumps({"wer": float(found)}))
"""


@pytest.fixture
def metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a run has left in `metrics`, and in this folder, which is the process's, nothing else."""
    monkeypatch.chdir(tmp_path)
    for name in ("evaluate.json", "data.json", "report.html", "report.txt", "card.md", "plots/errors.csv", "data.html"):
        path = tmp_path / "metrics" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{\n  "wer": 11.8\n}\n')
    (tmp_path / "metrics/evaluate").mkdir()
    (tmp_path / "metrics/evaluate/scores.json").write_text("{}")
    return tmp_path / "metrics"


def test_metrics_say_that_they_are_outdated_and_what_cannot_say_it_is_gone(metrics: Path) -> None:
    kept = metrics.parent / "kept.html"
    kept.hardlink_to(metrics / "report.html")

    outdate("train")

    assert json.loads((metrics / "evaluate.json").read_text()) == MARK
    assert sorted(tree(metrics)) == ["data.html", "data.json", "evaluate.json", "evaluate/scores.json"]
    assert "11.8" in kept.read_text()
    assert is_outdated()


def test_the_first_stage_of_a_run_is_named_and_a_stage_that_report_does_not_read_outdates_nothing(metrics: Path) -> None:
    before = tree(metrics)

    outdate("describe")
    assert tree(metrics) == before
    assert not is_outdated()

    outdate("train")
    outdate("evaluate")
    assert json.loads((metrics / "data.json").read_text()) == MARK


def test_before_the_first_run_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    outdate("train")

    assert tree(tmp_path) == {}
    assert not is_outdated()


def test_what_is_outdated_is_not_compared_and_not_published(metrics: Path) -> None:
    outdate("train")

    with pytest.raises(DataError, match="workspace: its run has not ended"):
        read_side(WORKSPACE)
    with pytest.raises(DataError, match="the last run has not ended"):
        readme_of("ada/nurses", "both", None)


@pytest.mark.parametrize(("code", "begun", "told"), [(1, True, True), (1, False, False), (0, True, False)])
def test_repro_says_so_where_stages_have_run_and_it_has_stopped(
    code: int, begun: bool, told: bool, metrics: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert metrics.exists()
    for name in ("take_over", "make_writable", "default_remote"):
        monkeypatch.setattr(repro, name, lambda: None)
    monkeypatch.setattr(check, "main", lambda: None)
    outdate("train" if begun else "describe")
    monkeypatch.setattr(repro, "reproduce", lambda arguments: code)

    with pytest.raises(SystemExit) as ended:
        repro.main([])

    assert ended.value.code == code
    assert ("the run has not ended" in capsys.readouterr().err) is told


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project under DVC of two stages, run once: a train that can be told to stop, and a report."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "stages/common", folder / "stages/common", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "__init__",
        "base/__init__",
        "base/errors",
        "base/entries",
        "base/files",
        "machine/__init__",
        "machine/shutdown",
    ):
        (folder / "asr" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "asr" / f"{name}.py", folder / "asr" / f"{name}.py")
    for name, content in {"dvc.yaml": DVC, "stages/train.py": TRAIN, "stages/report.py": REPORT, "settings": "11.8"}.items():
        (folder / name).write_text(content)
    (folder / ".gitignore").write_text("/model\n/metrics/*\n!/metrics/*.json\n")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for command in (["init"], ["config", "cache.type", "hardlink,copy"], ["repro"]):
        assert dvc(folder, *command).returncode == 0
    return folder


def dvc(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_no_results_of_the_run_before_and_one_that_ends_what_it_ever_has(project: Path) -> None:
    before = tree(project / "metrics")
    assert len(before) == 5

    (project / "settings").write_text("9.9 die")
    assert dvc(project, "repro").returncode != 0

    assert {name: json.loads(content) for name, content in tree(project / "metrics").items()} == {"evaluate.json": MARK}
    shown = dvc(project, "metrics", "show").stdout
    assert "a run has begun since" in shown
    assert "11.8" not in shown

    (project / "settings").write_text("11.8")
    assert dvc(project, "repro").returncode == 0

    assert tree(project / "metrics") == before


def test_a_stage_that_is_asked_for_help_outdates_nothing(project: Path) -> None:
    before = tree(project / "metrics")

    told = subprocess.run([sys.executable, "-m", "stages.train", "--help"], cwd=project, capture_output=True, check=False)

    assert told.returncode == 0
    assert tree(project / "metrics") == before
