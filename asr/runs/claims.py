"""Claims: a run's folder belongs to one process at a time."""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from asr.base.errors import DataError
from asr.runs.kept import is_finished

SECONDS_BETWEEN_TRIES = 0.2
PATIENCE_SECONDS = 600.0
"""For another process that is about to end: saving a checkpoint of the largest model takes minutes on a slow disk."""


@contextmanager
def claimed(folder: Path, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Make `folder` and keep every other process out of it. The lock goes with the process, however it ends.

    Raises:
        DataError: when another process keeps it for longer than `patience_seconds`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = lock_of(folder)
    start, told = time.monotonic(), False
    while True:
        with path.open("a+") as lock:
            if _locked(lock, path):
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
                try:
                    folder.mkdir(exist_ok=True)
                    yield
                finally:
                    if folder.is_dir() and _is_worth_nothing(folder):
                        shutil.rmtree(folder, ignore_errors=True)
                    path.unlink()
                return
            lock.seek(0)
            owner = lock.read().strip() or "?"
        if time.monotonic() - start >= patience_seconds:
            raise DataError(f"{folder}: process {owner} trains the same run; stop it (`kill {owner}`) or let it finish")
        if not told:
            print(f"train: waiting for process {owner}, which trains the same run", file=sys.stderr)
            told = True
        time.sleep(SECONDS_BETWEEN_TRIES)


def is_claimed(folder: Path) -> bool:
    """Whether a process has the folder now."""
    try:
        with lock_of(folder).open() as lock:
            return not _locked(lock, lock_of(folder))
    except FileNotFoundError:
        return False


def lock_of(folder: Path) -> Path:
    """The file beside a run's folder that is locked."""
    return folder.with_name(f"{folder.name}.lock")


def _is_worth_nothing(folder: Path) -> bool:
    """Whether a mistake stopped the run before there was anything to keep or to go on from."""
    if is_finished(folder):
        return False
    from asr.training.checkpoints import SEARCH, newest  # here, as it takes seconds, and commands.cache has finished runs alone

    return newest(folder) is None and not (folder / SEARCH).exists()


def _locked(lock: TextIO, path: Path) -> bool:
    """Whether the lock is ours, and the file still the one that others will find: its last owner may have removed it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(lock.fileno()).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
