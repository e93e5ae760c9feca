"""A disk that is full at moments drawn by seed: a line says so, nothing half-written is believed, and once there is room the
next run has the results of one that never lacked any.

FULL=40 tries forty; what was said is printed, a line for each. It needs the right to mount a file system in memory.
"""

import os
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import STAGES
from tests.runs import REPRO, begun, copied, make_ready, results, timeline, wait_for_moment

pytestmark = pytest.mark.slow

FULL = int(os.environ.get("FULL", "4"))
BYTES = 400_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int) -> None:
    """Take all room but some bytes."""
    state = os.statvfs(disk)
    with (disk / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(state.f_bavail * state.f_bsize - left, 1))


def test_a_full_disk_is_a_line_and_the_next_run_with_room_goes_on(tmp_path: Path, disk: Path) -> None:
    ready = make_ready(tmp_path / "ready")
    unbroken, log = copied(ready, tmp_path / "unbroken"), tmp_path / "log"
    running = begun(unbroken, REPRO, log)
    seconds = timeline(unbroken, running)
    assert running.returncode == 0, log.read_text()
    draw = random.Random(6)
    project = copied(ready, disk / "chain 0")
    length, tracebacks = min(FULL, len(STAGES)), 0

    for number in range(FULL):
        if number and number % length == 0:
            assert begun(project, REPRO, log).wait() == 0, log.read_text()
            assert results(project) == results(unbroken)
            project = copied(ready, disk / f"chain {number}")
        stage = STAGES[number % length * len(STAGES) // length]
        log = tmp_path / f"log {number}"
        running = begun(project, REPRO, log)
        wait_for_moment(project, running, stage, draw.random() * seconds[stage])
        left = draw.choice([0, 4_096, 100_000])
        fill(disk, left)
        code = running.wait()
        (disk / "filler").unlink()
        said = re.findall(r"^[a-z_]+: .*(?:full|No space).*$", log.read_text(), re.MULTILINE)
        print(f"{stage:15} {left:7} bytes left: exit {code}, {said[-1:] or log.read_text().strip().splitlines()[-1:]}")
        tracebacks += "Traceback" in log.read_text()

    assert tracebacks == 0
    assert begun(project, REPRO, log).wait() == 0, log.read_text()
    assert results(project) == results(unbroken)
