"""Leftovers: files of DVC that a kill or a full disk has cut short, over which it stumbles until somebody removes them.

DVC writes both in place: dvc.lock after each stage, and .dvc/tmp/rwlock, which says who reads and writes what, around each.
"""

import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import yaml

from asr.base.files import write_whole
from commands.lock import LOCK

TEMPORARY = Path(".dvc/tmp")
RWLOCK = TEMPORARY / "rwlock"
KEPT = TEMPORARY / "dvc.lock.kept"
"""As dvc.lock was when a run last began."""

CUT = TEMPORARY / "dvc.lock.cut"
CONFLICT = "<<<<<<<"
"""What git writes into a file that two branches have changed; whoever merges them decides."""


def mend() -> None:
    """Remove the one and restore the other, where they are cut short and no other DVC is writing them."""
    if RWLOCK.exists() and not _is_json(RWLOCK):
        _remove_rwlock()
    if LOCK.exists():
        _keep_or_restore()


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _remove_rwlock() -> None:
    from dvc.lock import LockError, make_lock  # here, as it is seldom needed

    with suppress(LockError), make_lock(f"{RWLOCK}.lock", tmp_dir=str(TEMPORARY)):
        RWLOCK.unlink(missing_ok=True)
        print(f"repro: {RWLOCK} was cut short by a kill or a full disk; removed", file=sys.stderr)


def _keep_or_restore() -> None:
    text = LOCK.read_text(encoding="utf-8", errors="replace")
    if KEPT.exists() and KEPT.read_text(encoding="utf-8") == text:
        return
    if _is_lock(text):
        if TEMPORARY.is_dir():
            shutil.copyfile(LOCK, KEPT)
    elif KEPT.exists() and CONFLICT not in text:
        shutil.copyfile(LOCK, CUT)
        write_whole(LOCK, KEPT.read_bytes())
        print(
            f"repro: {LOCK} was cut short; it is again what it was when the last run began ({CUT} is the cut one)",
            file=sys.stderr,
        )


def _is_lock(text: str) -> bool:
    """Whether DVC can read it."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # here, as these take a third of a second
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.load(text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, Invalid):
        return False
    return True
