"""Shutdown: a process ends with its parent, and at a second signal."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from asr.machine.shutdown import StopRequest

CHILD = """
import os, time
from asr.machine.shutdown import end_with_parent
end_with_parent()
print(os.getpid(), flush=True)
time.sleep(60)
"""

MIDDLE = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"

LISTENER = """
import sys, time
from pathlib import Path
from asr.machine.shutdown import StopRequest
stop = StopRequest(Path(sys.argv[1]))
stop.listen()
print("listening", stop.is_made, flush=True)
while not stop.is_made:
    time.sleep(0.01)
print("uttered", stop.signal.name, flush=True)
time.sleep(60)
"""


@contextmanager
def listener(file: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", LISTENER, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_process_ends_with_the_one_that_started_it() -> None:
    middle = subprocess.Popen([sys.executable, "-c", MIDDLE, CHILD], stdout=subprocess.PIPE, text=True)
    child = int(told(middle))

    middle.kill()

    try:
        # Both write to the pipe, so it ends when both have ended.
        middle.communicate(timeout=5)
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_a_wish_and_the_second_ends_the_process(tmp_path: Path, number: signal.Signals) -> None:
    elsewhere = StopRequest(tmp_path / "stop")

    with listener(tmp_path / "stop") as process:
        assert told(process) == "listening False"
        assert not elsewhere.is_made

        process.send_signal(number)

        assert told(process) == f"uttered {number.name}"
        assert process.poll() is None
        assert elsewhere.is_made
        assert elsewhere.signal is None

        process.send_signal(number)

        assert process.wait(timeout=5) == -number


def test_a_wish_of_an_earlier_run_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    assert StopRequest(tmp_path / "stop").is_made

    with listener(tmp_path / "stop") as process:
        assert told(process) == "listening False"

    assert not StopRequest(tmp_path / "stop").is_made


def test_another_signal_than_the_first_ends_the_process_too(tmp_path: Path) -> None:
    with listener(tmp_path / "stop") as process:
        told(process)
        process.send_signal(signal.SIGINT)
        told(process)
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=5) == -signal.SIGTERM
