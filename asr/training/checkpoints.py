"""Checkpoints: a run's own folder, claimed by one process at a time, and the newest checkpoint in it that is whole."""

import fcntl
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_utils import rotate_checkpoints

from asr.base.errors import DataError
from asr.base.files import write_json
from asr.base.hashes import LENGTH
from asr.model.checksums import damaged_file, read_sums, write_sums

LEAST_KEPT = 2
"""Checkpoints: one to go on from when the newest is damaged."""

PARTS = (OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME)
REMOVED = ".removed"

FACTS = "run.json"
"""What determines a run, in its folder."""

STOP = "stop"
"""How ranks in other processes hear that they should end, in a run's folder."""

Facts = Mapping[str, Any]

HASHED = ("code", "data", "base model")
"""Facts whose values say nothing to a reader."""

RUN_NAME = re.compile(f"[0-9a-f]{{{LENGTH}}}")
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
    path = _lock_of(folder)
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
                    if newest(folder) is None:  # a mistake stopped it before there was anything to go on from
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


def _locked(lock: TextIO, path: Path) -> bool:
    """Whether the lock is ours, and the file still the one that others will find: its last owner may have removed it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(lock.fileno()).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def note_facts(folder: Path, facts: Facts) -> None:
    """Write down what determines the run in `folder`."""
    write_json(folder / FACTS, dict(facts))


@dataclass(frozen=True)
class OtherRun:
    """A run that has a checkpoint but is not this one, and what differs, in words."""

    folder: Path
    step: int
    differences: tuple[str, ...]


def other_runs(folder: Path, facts: Facts) -> list[OtherRun]:
    """The runs beside `folder` that began with the same model and were not finished.

    Args:
        folder: of this run.
        facts: what determines it.
    """
    found = []
    for path in sorted(folder.parent.glob(f"*/{FACTS}")):
        checkpoint = newest(path.parent)
        if path.parent == folder or checkpoint is None:
            continue
        with suppress(ValueError):  # not ours, or cut short
            other = json.loads(path.read_text(encoding="utf-8"))
            if other["params"]["model"] == facts["params"]["model"]:
                found.append(OtherRun(path.parent, _step(checkpoint), tuple(differences(other, facts))))
    return found


def differences(first: Facts, second: Facts, above: str = "") -> Iterator[str]:
    """Every key whose values differ, in full, with both values unless they are hashes."""
    for key in dict.fromkeys([*first, *second]):
        name, one, two = f"{above}{key}", first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(two, dict):
            yield from differences(one, two, above=f"{name}." if name != "params" else "")
        elif one != two:
            yield name if name in HASHED else f"{name} {one} -> {two}"


@dataclass(frozen=True)
class Past:
    """What a run's newest checkpoint knows.

    `epochs` are those that are done. `is_over`: the last epoch was, or training had stopped early.
    """

    checkpoint: Path | None = None
    epochs: int = 0
    is_over: bool = False
    log_history: tuple[dict[str, float], ...] = ()


def read_past(folder: Path) -> Past:
    """The past of the run in `folder`; of a new one, an empty past."""
    checkpoint = newest(folder)
    if checkpoint is None:
        return Past()
    state = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    is_over = state["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"]
    return Past(checkpoint, int(state["epoch"]), is_over, tuple(state["log_history"]))


def newest(folder: Path) -> Path | None:
    """The checkpoint to go on from: the last one that is whole. Whether its bytes are right, it takes `checked` to say."""
    return max(filter(_is_whole, folder.glob("checkpoint-*")), key=_step, default=None)


def finish(checkpoint: Path, keep: int, best_until_now: str | None) -> None:
    """Write the sums of a checkpoint that has been saved, and then remove older ones: never is there only an unfinished one.

    Args:
        checkpoint: of which all else is written.
        keep: so many are kept, LEAST_KEPT at least.
        best_until_now: of the best epoch before. It stays even where this one is better, or a run that goes on from an older
            one, as this one turns out to be damaged, would lack its best weights.
    """
    write_sums(checkpoint)
    rotate_checkpoints(str(checkpoint.parent), max(keep, LEAST_KEPT), best_until_now, use_mtime=True)


def checked(folder: Path) -> Path | None:
    """The checkpoint from which the run comes to the end of one that nobody broke; what is unfinished or damaged is removed.

    Every byte is read of the newest and of that of the best epoch until then, whose weights may be the result. When one is
    damaged, it goes with all that came after it, and those before are looked at.
    """
    remove_unfinished(folder)
    told = list[str]()
    while (checkpoint := newest(folder)) and (damage := _damage(checkpoint)):
        wrong, what = damage
        told.append(f"{wrong}: {what}")
        for other in folder.glob("checkpoint-*"):
            if _step(other) >= _step(wrong):
                shutil.rmtree(other)
    if told:
        print(f"train: {'; '.join(told)}; going on from {checkpoint.name if checkpoint else 'the beginning'}", file=sys.stderr)
    return checkpoint


def _damage(checkpoint: Path) -> tuple[Path, str] | None:
    """What is wrong with a checkpoint, or with that of the best epoch until then, and in which of the two."""
    if path := damaged_file(checkpoint):
        return checkpoint, f"{path.name} is damaged"
    best_step = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))["best_global_step"]
    best = checkpoint.with_name(f"checkpoint-{best_step}")
    if best_step is None or best == checkpoint:
        return None
    if not _is_whole(best):
        return best, "the best epoch's is not whole"
    return (best, f"the best epoch's {path.name} is damaged") if (path := damaged_file(best)) else None


def remove(folder: Path) -> None:
    """Remove a run that is done: at once to whoever looks for it, however long its files take."""
    gone = folder.with_name(f"{folder.name}{REMOVED}")
    folder.rename(gone)
    shutil.rmtree(gone)


def remove_unfinished(folder: Path) -> None:
    """Remove what a kill left in the middle of being written or removed, and what is left of runs without a checkpoint."""
    for other in folder.parent.iterdir():
        if RUN_NAME.fullmatch(other.name) and other != folder and _holds_nothing(other) and not _is_claimed(other):
            shutil.rmtree(other)
            _lock_of(other).unlink(missing_ok=True)
    shutil.rmtree(folder.with_name(f"{folder.name}{REMOVED}"), ignore_errors=True)
    for checkpoint in folder.glob("checkpoint-*"):
        if not _is_whole(checkpoint):
            print(f"train: {checkpoint}: not whole, removed", file=sys.stderr)
            shutil.rmtree(checkpoint)


def _holds_nothing(folder: Path) -> bool:
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= {FACTS, STOP}


def _is_claimed(folder: Path) -> bool:
    try:
        with _lock_of(folder).open() as lock:
            return not _locked(lock, _lock_of(folder))
    except FileNotFoundError:
        return False


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _is_whole(checkpoint: Path) -> bool:
    """The sums are written last; what is removed goes in any order."""
    names = read_sums(checkpoint).keys()
    has_weights = any(name.endswith(".safetensors") for name in names)
    return has_weights and names >= set(PARTS) and all((checkpoint / name).exists() for name in names)
