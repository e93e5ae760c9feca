"""Experiments under DVC in a clean clone, whose recordings DVC keeps: in a copy and in the queue, at the same time."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.project import environment
from tests.test_pipeline import call, copied, dvc, git, metrics, repro, shared

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 900.0
RATES = {"quick": 0.05, "slow": 0.01}
WORKER = ".dvc/tmp/exps/celery/dvc-exp-worker-1.pid"


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """A clean clone of a project whose recordings DVC keeps, with two experiments; what these said is in files beside it."""
    return shared(tmp_path_factory, "tried", partial(make_tried, finished))


def make_tried(finished: Path, folder: Path) -> None:
    origin = copied(finished, folder.with_name("origin"))
    git(origin, "rm", "--quiet", "-r", "--cached", "data/sample")
    dvc(origin, "add", "--quiet", "data/sample")
    dvc(origin, "remote", "add", "--quiet", "--default", "storage", str(folder.with_name("storage")))
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "the recordings are DVC's")
    dvc(origin, "push", "--quiet")
    git(origin, "clone", "--quiet", str(origin), str(folder))
    git(folder, "config", "user.name", "test")
    git(folder, "config", "user.email", "test@example.org")
    (folder / "machine.yaml").write_text("workers: 1\ntensorboard: events\n")
    dvc(folder, "pull", "--quiet")
    set_rate = {name: ("--name", name, "--set-param", f"train.learning_rate={rate}") for name, rate in RATES.items()}
    dvc(folder, "exp", "run", "--queue", *set_rate["slow"])
    with queue_at_work(folder):
        folder.with_name("quick").write_text(dvc(folder, "exp", "run", "--temp", *set_rate["quick"]))
    folder.with_name("slow").write_text(dvc(folder, "queue", "logs", "slow"))


@contextmanager
def queue_at_work(project: Path) -> Iterator[None]:
    """Start a worker of DVC's queue, and at the end wait until it has nothing left to do and is gone."""
    command = [sys.executable, "-m", "dvc", "queue", "start"]
    # No pipe: what watches the worker keeps it open.
    subprocess.run(command, cwd=project, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    until(lambda: (project / WORKER).exists() and (project / WORKER).read_text() != "")
    worker = int((project / WORKER).read_text())
    try:
        yield
        until(lambda: not is_alive(worker))
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.2)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def project(tried: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return copied(tried, tmp_path / "project")


def compare(project: Path, *arguments: str) -> str:
    return call(project, sys.executable, "-m", "commands.compare", *arguments)


@pytest.mark.parametrize("name", RATES)
def test_an_experiment_with_another_rate_trains_and_computes_no_features(tried: Path, name: str) -> None:
    said = tried.with_name(name).read_text()

    assert re.findall(r"Running stage '(\w+)'", said) == ["train", "evaluate", "export", "usage", "report"]
    assert "Stage 'features_train' didn't change, skipping" in said


def test_experiments_share_what_machine_yaml_names_and_leave_nothing_behind(tried: Path) -> None:
    runs = [path.name for path in (tried / "events").iterdir()]

    assert len(runs) == 2
    assert not (tried / ".cache/features").exists()
    kept = [path.name.partition("-")[0] for path in (tried / ".cache/training").glob("*/*")]
    assert sorted(kept) == ["chosen", "chosen", "result", "result", "run.json", "run.json"]
    assert list((tried / ".dvc/tmp/exps").glob("**/params.yaml")) == []


def test_experiments_are_compared_by_name_and_by_hash(tried: Path) -> None:
    reference = call(tried, "git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/slow").strip()
    commit = call(tried, "git", "rev-parse", "--short", reference).strip()

    assert compare(tried, "quick", commit).startswith(f"           clips    WER quick    WER {commit}  ")
    told = compare(tried, "main", "--all", "--html", "page.html").splitlines()
    assert [line.split()[:2] for line in told[1:5]] == [[name, each] for name in ("test", "general") for each in RATES]
    assert "corrected is p for all 4 together" in told[6]
    assert (tried / "page.html").read_text().count("<svg") == 2


def test_an_experiment_is_applied_and_nothing_is_left_to_run(project: Path) -> None:
    dvc(project, "exp", "apply", "slow")

    assert metrics(project, "train")["learning_rate"] == RATES["slow"]
    assert repro(project) == []
    assert "learning_rate: 0.01" in (project / "params.yaml").read_text()


def test_an_experiment_becomes_a_branch_and_one_is_removed(project: Path) -> None:
    dvc(project, "exp", "branch", "slow", "slower")
    dvc(project, "exp", "remove", "slow")

    assert "WER slower" in compare(project, "main", "slower")
    assert "slow" not in dvc(project, "exp", "list", "--name-only").split()
    stopped = subprocess.run(
        [sys.executable, "-m", "commands.compare", "main", "slow"],
        cwd=project, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("compare: slow: no such branch, tag, commit or experiment here")
