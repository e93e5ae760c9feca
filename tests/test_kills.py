"""The features stage killed at random moments: what is run after that ends as if nothing had happened."""

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.project import environment, make_project, run_stage, tree
from tests.sounds import write_tone

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "2"))
CLIPS = 300


def dvc(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    result = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC project whose training clips keep two cores busy for seconds; validation and test stay as they are."""
    folder = tmp_path_factory.mktemp("ready") / "project"
    project = make_project(folder, folder / "data/sample")
    params = project / "params.yaml"
    params.write_text(params.read_text().replace(f"{project}/", ""))
    chunks = project / "asr/features/chunks.py"
    chunks.write_text(chunks.read_text().replace("AIM = 64\n", "AIM = 4\n"))  # many shards, to be killed between
    lines = (project / "data/sample/clips.csv").read_text().splitlines()
    for number in range(CLIPS):
        write_tone(project / f"data/sample/audios/more/{number}.mp3", seconds=3 + number % 7, rate=22_050, hertz=100 + number)
        lines.append(f"audios/more/{number}.mp3,another sentence {number},speaker {number % 25}")
    (project / "data/sample/clips.csv").write_text("\n".join(lines) + "\n")
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    dvc(project, "init", "--quiet")
    dvc(project, "config", "cache.type", "hardlink,copy")
    dvc(project, "repro", "--quiet", "split")
    return project


@pytest.fixture
def project(ready: Path) -> Path:
    """The same, without features."""
    forget(ready)
    return ready


def forget(project: Path) -> None:
    """As if the stage had never run: no output, no shards, nothing in DVC's caches or its lock."""
    for folder in ("data/features", ".cache", ".dvc/cache/runs"):
        shutil.rmtree(project / folder, ignore_errors=True)
    lock = project / "dvc.lock"
    lock.write_text(lock.read_text().split("  features_train:")[0])


def stage_of(running: "subprocess.Popen[bytes]") -> psutil.Process:
    """The stage that DVC has started."""
    while True:
        for child in psutil.Process(running.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if child.cmdline()[1:] == ["-m", "stages.features_train"]:
                    return child
        assert running.poll() is None, "DVC ended without the stage"
        time.sleep(0.01)


def shards(project: Path) -> int:
    return len(list(project.glob(".cache/features/shards/*.arrow")))


def wait_for_shards(project: Path, running: "subprocess.Popen[bytes]", count: int) -> None:
    """Until so many shards are there, or nothing runs that could make more."""
    while running.poll() is None and shards(project) < count:
        time.sleep(0.01)


def test_whatever_moment_it_is_killed_at_the_next_run_ends_alike(project: Path) -> None:
    dvc(project, "repro", "features_train")
    unbroken = tree(project / "data/features/train")
    total = len(unbroken) - 1
    forget(project)
    start = time.monotonic()
    stage = [sys.executable, "-m", "stages.features_train"]
    by_hand = subprocess.Popen(stage, cwd=project, env=environment(), stderr=subprocess.DEVNULL)
    wait_for_shards(project, by_hand, 1)
    seconds = time.monotonic() - start  # before the first shard; what comes then is told by the shards
    assert by_hand.wait() == 0
    draw = random.Random(1)
    found = []

    for number in range(KILLS):
        forget(project)
        running = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro", "features_train"],
            cwd=project, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        victim = stage_of(running)
        share = 2 * (number + draw.random()) / KILLS  # below 1: of the seconds before the first shard, then of the shards
        if share < 1:
            time.sleep(seconds * share)
        else:
            wait_for_shards(project, running, int((share - 1) * total))
        with suppress(psutil.NoSuchProcess):  # it may have ended by then
            victim.kill()
        found.append(shards(project))
        running.wait()

        dvc(project, "repro", "features_train")

        moment = f"{seconds * share:.2f} of {seconds:.2f} s" if share < 1 else f"shard {int((share - 1) * total)} of {total}"
        print(f"killed after {moment}; {found[-1]} shards were done")
        assert tree(project / "data/features/train") == unbroken
    assert any(0 < done < total for done in found), "none was in the middle of the work"


def test_a_stage_run_by_hand_after_a_kill_computes_only_what_is_left(project: Path) -> None:
    for _ in range(5):  # on a busy machine a kill may come when all is done
        forget(project)
        running = subprocess.Popen(
            [sys.executable, "-m", "stages.features_train"], cwd=project, env=environment(), stderr=subprocess.DEVNULL
        )
        while not any(project.glob(".cache/features/records/*/*.json")):
            time.sleep(0.001)
        running.kill()
        running.wait()
        result = run_stage("features_train", project, ASR_CACHE=".cache/features")
        total, computed = [int(word) for word in result.stderr.replace(",", "").split() if word.isdecimal()][:2]
        if computed:
            break

    assert 0 < computed < total
