"""Commands and what they cost: wall and CPU seconds, and the memory that they and their children hold at once.

python -m bench.process FILE COMMAND... runs the command in this folder and writes the cost to FILE as JSON. That is how a
command is measured that somebody else starts (DVC).
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

SECONDS_BETWEEN_SAMPLES = 0.02
SAMPLES_BETWEEN_CHILDREN = 12
"""To list a process's children reads all of /proc: 1.6 ms here, 8 % of a core if every sample did it."""


@dataclass(frozen=True)
class Cost:
    """`peak_rss` in bytes: the resident sets of the command and its children together (shared pages count once for each)."""

    seconds: float
    cpu_seconds: float
    peak_rss: int


@dataclass(frozen=True)
class Ended:
    """A command that has run."""

    cost: Cost
    stdout: str
    stderr: str


class CommandError(Exception):
    """A command that exited with an error; holds the end of what it printed."""


@contextmanager
def scratch_folder(bench: str, folder: Path | None) -> Iterator[Path]:
    """Make an empty folder for a bench, in `folder` if it is given; end the program when a command fails, or at Ctrl-C."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as scratch:
            yield Path(scratch)
    except CommandError as error:
        sys.exit(f"{bench}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str], shown: bool = False) -> Ended:
    """Run `command` in `folder` and wait for it. What is `shown` on stderr as it comes is not kept.

    Raises:
        CommandError: when it exits with an error.
    """
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        before, start = _children_cpu_seconds(), time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stdout, stderr=None if shown else stderr)
        try:
            peak = _watch(process)
            seconds = time.perf_counter() - start
        finally:
            _kill_tree(process)
        texts = []
        for stream in (stdout, stderr):
            stream.seek(0)
            texts.append(stream.read())
    if process.returncode:
        raise CommandError(f"{' '.join(command)} (exit code {process.returncode})\n{''.join(texts)[-4000:]}")
    return Ended(Cost(seconds, _children_cpu_seconds() - before, peak), *texts)


def _watch(process: "subprocess.Popen[bytes]") -> int:
    peak, samples = 0, 0
    root = psutil.Process(process.pid)
    tree = [root]
    while process.poll() is None:
        if samples % SAMPLES_BETWEEN_CHILDREN == 0:
            tree = [root, *_children(root)]
        samples += 1
        peak = max(peak, sum(_rss(member) for member in tree))
        time.sleep(SECONDS_BETWEEN_SAMPLES)
    return peak


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return list(root.children(recursive=True))
    except psutil.Error:
        return []


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


def _kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """Leave nothing running when the bench is interrupted; after an ordinary end there is nothing to kill."""
    if process.poll() is not None:
        return
    for member in [*_children(psutil.Process(process.pid)), process]:
        member.kill()
    process.wait()


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run the command of the arguments, and write what it cost to the file of the first."""
    file, *command = sys.argv[1:]
    try:
        ended = measure(command, Path.cwd(), os.environ)
    except CommandError as error:
        sys.exit(str(error))
    sys.stderr.write(ended.stderr)
    Path(file).write_text(json.dumps(asdict(ended.cost)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
