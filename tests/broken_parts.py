"""Parts of `bench.gpu` that go wrong in every way that a part can."""

import os
import signal
import subprocess
import time

from bench.gpu.plan import Found


def works(shape: str, option: str) -> Found:
    print("said on the way")
    return Found("yes", f"{shape}, {option}", {"clips": 3})


def fails(shape: str, option: str) -> Found:
    raise ValueError("first line\nno kernel image is available")


def crashes(shape: str, option: str) -> Found:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def exits(shape: str, option: str) -> Found:
    raise SystemExit(0)


def hangs(shape: str, option: str) -> Found:
    """With a process of its own, whose number it says."""
    print("pid", subprocess.Popen(["sleep", "600"]).pid, flush=True)
    time.sleep(600)
    raise AssertionError
