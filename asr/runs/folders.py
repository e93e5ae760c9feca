"""Folders of runs: which of them stay, and how the others go."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

from asr.base.errors import DataError
from asr.base.hashes import LENGTH
from asr.machine.shutdown import STOP
from asr.runs.choices import CHOICES
from asr.runs.claims import claimed, is_claimed, lock_of
from asr.runs.kept import RESULT, is_finished, last_use

FACTS = "run.json"
"""What determines a run, in its folder."""

RUN_NAME = re.compile(f"[0-9a-f]{{{LENGTH}}}")
REMOVED = ".removed"


def sweep(folder: Path) -> None:
    """Remove what kills left in the middle of removing this run, and what is left of others without a checkpoint."""
    for other in folder.parent.iterdir():
        if RUN_NAME.fullmatch(other.name) and other != folder and _holds_nothing(other) and not is_claimed(other):
            shutil.rmtree(other)
            lock_of(other).unlink(missing_ok=True)
    shutil.rmtree(_removed(folder), ignore_errors=True)


def clear(folder: Path) -> None:
    """Remove all that a run needed to come to its end, and leave its facts, its result and what was chosen of it."""
    for path in folder.iterdir():
        if path.name not in (FACTS, RESULT) and not path.match(CHOICES):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove(folder: Path) -> None:
    """Remove a run that is done: at once to whoever looks for it, however long its files take."""
    folder.rename(_removed(folder))
    shutil.rmtree(_removed(folder))


def forget(folder: Path, keep: int) -> None:
    """Remove the finished runs beside `folder` that were of use longest ago, until there are `keep` with it.

    What another process works on stays, and so does every run that has not come to its end.
    """
    others = [path for path in folder.parent.iterdir() if path != folder and is_finished_run(path)]
    for other in sorted(others, key=last_use, reverse=True)[max(0, keep - 1) :]:
        remove_finished(other)


def is_finished_run(path: Path) -> bool:
    """Whether this is the folder of a run of ours that has come to its end."""
    return RUN_NAME.fullmatch(path.name) is not None and not path.is_symlink() and is_finished(path)


def remove_finished(folder: Path) -> None:
    """Remove a finished run, unless a process works on it."""
    with suppress(DataError), claimed(folder, patience_seconds=0):
        remove(folder)


def _removed(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{REMOVED}")


def _holds_nothing(folder: Path) -> bool:
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= {FACTS, STOP}
