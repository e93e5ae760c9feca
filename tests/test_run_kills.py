"""The whole pipeline killed at moments drawn by seed, in every stage: nothing is left running, and nobody has to put anything
right, as the run that ends at last has the results of one that nobody killed.

KILLS=100 tries a hundred; what happened is printed, a line for each.
"""

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.project import STAGES
from tests.runs import REPRO, begun, copied, make_ready, processes, results, running_stage, timeline, wait_for_moment

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "10"))
SECONDS_TO_END = 30.0
IN_BACKGROUND = ["/bin/sh", "-c", '"$@" & echo $! >pid; wait', "sh", *REPRO]
"""As a script begins it, with SIGINT ignored."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        stage: the one that is waited for.
        share: when in it, as a share of the seconds that it takes.
        number: the signal.
        is_to_group: whether the whole process group of commands.repro gets it, or that process alone.
        is_in_background: whether a script has begun it in its background.
    """

    stage: str
    share: float
    number: signal.Signals
    is_to_group: bool
    is_in_background: bool

    def __str__(self) -> str:
        whom = f"{'group' if self.is_to_group else 'repro'}{' of a script' if self.is_in_background else ''}"
        return f"{self.stage:15} {self.share:5.2f} {self.number.name:8} {whom:18}"


def drawn(count: int) -> list[Kill]:
    """Kills in chains, each of which goes through the stages in their order."""
    draw = random.Random(23)
    length = min(count, len(STAGES))
    stages = [STAGES[number % length * len(STAGES) // length] for number in range(count)]
    return [Kill(stage, draw.random(), draw.choice(SIGNALS), draw.random() < 0.5, draw.random() < 0.4) for stage in stages]


def hit(project: Path, how: Kill, seconds: float, log: Path) -> tuple[str, float, int]:
    """Run until the moment comes, and kill: the stage that ran then, the seconds to the end of all, how many never ended."""
    (project / "pid").unlink(missing_ok=True)
    running = begun(project, IN_BACKGROUND if how.is_in_background else REPRO, log)
    wait_for_moment(project, running, how.stage, how.share * seconds)
    stage, start = running_stage(project), time.monotonic()
    with suppress(ProcessLookupError):
        if how.is_to_group:
            os.killpg(running.pid, how.number)
        else:
            os.kill(int((project / "pid").read_text()) if how.is_in_background else running.pid, how.number)
    while (left := processes(project)) and time.monotonic() - start < SECONDS_TO_END:
        time.sleep(0.05)
    took = time.monotonic() - start
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    running.wait()
    return stage, took, len(left)


def test_whatever_is_killed_whenever_nobody_has_to_put_anything_right(tmp_path: Path) -> None:
    ready = make_ready(tmp_path / "ready")
    unbroken, log = copied(ready, tmp_path / "unbroken"), tmp_path / "log"
    running = begun(unbroken, REPRO, log)
    seconds = timeline(unbroken, running)
    assert running.returncode == 0, log.read_text()
    assert set(seconds) == set(STAGES)
    orphans = 0

    for chain in range(0, KILLS, len(STAGES)):
        project, log = copied(ready, tmp_path / f"chain {chain}"), tmp_path / f"log {chain}"
        for how in drawn(KILLS)[chain : chain + len(STAGES)]:
            stage, took, left = hit(project, how, seconds[how.stage], log)
            orphans += left
            print(f"{how} in {stage or 'none':15} all ended after {took:5.2f} s, but {left}")
        assert begun(project, REPRO, log).wait() == 0, log.read_text()[-5_000:]
        assert results(project) == results(unbroken)

    assert orphans == 0
