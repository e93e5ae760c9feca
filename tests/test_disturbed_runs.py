"""Whole runs that are killed, and runs whose disk is full, at moments drawn by seed in every stage: nothing is left running,
nothing half-written is believed, and nobody has to put anything right. The run that ends at last has the results of one that
nobody disturbed.

KILLS=100 and FULL=40 try as many moments; what happened is printed, a line for each.
"""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.project import STAGES
from tests.runs import REPRO, begun, copied, is_there, processes, results, running_stage
from tests.test_pipeline import make_ready

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "10"))
FULL = int(os.environ.get("FULL", "2"))

SECONDS = 4.0
"""After a stage has begun a moment is drawn from so many; it may be in the next stage then."""

SECONDS_TO_END = 30.0
IN_BACKGROUND = ["/bin/sh", "-c", '"$@" & echo $! >pid; wait', "sh", *REPRO]
"""As a script begins it, with SIGINT ignored."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
DISK_BYTES = 400_000_000


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `finished` was before its run."""
    return make_ready(tmp_path_factory.mktemp("ready") / "project")


def require_same_end(project: Path, log: Path, finished: Path) -> None:
    assert begun(project, REPRO, log).wait() == 0, log.read_text()[-5_000:]
    assert results(project) == results(finished)


def stages_drawn(draw: random.Random, most: int) -> list[str]:
    return [STAGES[place] for place in sorted(draw.sample(range(len(STAGES)), min(most, len(STAGES))))]


@dataclass(frozen=True)
class Kill:
    """What gets which signal: the process group of commands.repro or that process alone, begun from a script or by itself."""

    number: signal.Signals
    is_to_group: bool
    is_in_background: bool

    def __str__(self) -> str:
        whom = "group" if self.is_to_group else "repro"
        return f"{self.number.name:7} to {whom}{' of a script' if self.is_in_background else ''}"

    def hit(self, project: Path, running: "subprocess.Popen[bytes]") -> tuple[float, int]:
        """Kill: the seconds until all have ended, and how many never did."""
        start = time.monotonic()
        with suppress(ProcessLookupError):
            if self.is_to_group:
                os.killpg(running.pid, self.number)
            else:
                os.kill(int((project / "pid").read_text()) if self.is_in_background else running.pid, self.number)
        while (left := processes(project)) and time.monotonic() - start < SECONDS_TO_END:
            time.sleep(0.05)
        took = time.monotonic() - start
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        running.wait()
        return took, len(left)


def test_whatever_is_killed_nothing_is_left_and_the_run_ends_alike(tmp_path: Path, ready: Path, finished: Path) -> None:
    draw = random.Random(23)
    hits = orphans = 0

    while hits < KILLS:
        project, log = copied(ready, tmp_path / f"after {hits}"), tmp_path / f"log after {hits}"
        for stage in stages_drawn(draw, KILLS - hits):
            how = Kill(draw.choice(SIGNALS), draw.random() < 0.5, draw.random() < 0.4)
            share = draw.random()
            (project / "pid").unlink(missing_ok=True)
            running = begun(project, IN_BACKGROUND if how.is_in_background else REPRO, log)
            if not is_there(project, running, stage, share * SECONDS):
                continue  # the stage was over before, and the run has come to its end
            found = running_stage(project) or "DVC"
            took, left = how.hit(project, running)
            hits, orphans = hits + 1, orphans + left
            print(f"{found:15} {share:.2f} of {stage:15} {how!s:27} all ended after {took:5.2f} s, but {left}")
        require_same_end(project, log, finished)

    assert orphans == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int) -> None:
    """Take all room but some bytes."""
    with (disk / "filler").open("wb") as file:
        while True:
            state = os.statvfs(disk)
            with suppress(OSError):  # the run has just taken some itself
                os.posix_fallocate(file.fileno(), 0, max(state.f_bavail * state.f_bsize - left, 1))
                return


def test_a_full_disk_is_a_line_and_the_next_run_with_room_ends_alike(
    tmp_path: Path, disk: Path, ready: Path, finished: Path
) -> None:
    draw = random.Random(6)
    hits = tracebacks = 0

    while hits < FULL:
        project = copied(ready, disk / f"after {hits}")
        for stage in stages_drawn(draw, FULL - hits):
            log = tmp_path / f"log {hits} {stage}"
            left, share = draw.choice([0, 4_096, 100_000]), draw.random()
            running = begun(project, REPRO, log)
            if not is_there(project, running, stage, share * SECONDS):
                continue
            fill(disk, left)
            code = running.wait()
            (disk / "filler").unlink()
            hits += 1
            tracebacks += "Traceback" in log.read_text()
            said = re.findall(r"^(\w+: .*(?:no space|free: make).*|.*No space left.*)$", log.read_text(), re.MULTILINE)
            print(f"{left:6} bytes left at {share:.2f} of {stage:15} exit {code:3} {said[:1]}")
        require_same_end(project, log, finished)

    assert tracebacks == 0
