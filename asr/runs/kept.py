"""Kept results: what a finished run came to, in its folder, so that whoever asks for the same run need not wait for it again.

`result` holds the model as it was saved, the validation diary, and the outcome from which metrics are written; SHA256SUMS in it
and in the model's folder tell whether that is still so. Its files may be hard links to the model that the stage writes.
"""

import filecmp
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from asr.base.files import UNFINISHED, read_json, write_json
from asr.model.checksums import SUMS, damaged_file, read_sums, write_sums
from asr.runs.choices import CHOICES

RESULT = "result"
MODEL, OUTCOME, DIARY = "model", "trained.json", "validation-*.csv"
MODEL_SUMS = "model.sha256"
"""A second copy of the model's sums, which are a part of the model themselves."""


def keep(folder: Path, save: Callable[[Path], None], outcome: Mapping[str, Any]) -> None:
    """Put the result of a run into its folder, beside the diary's files; a kill leaves all of it or none.

    Args:
        folder: of the run.
        save: writes the model into a folder, with its sums.
        outcome: what JSON must know.
    """
    unfinished = _unfinished(folder)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        save(unfinished / MODEL)
        shutil.copyfile(unfinished / MODEL / SUMS, unfinished / MODEL_SUMS)
        for path in folder.glob(DIARY):
            shutil.copyfile(path, unfinished / path.name)
        write_json(unfinished / OUTCOME, dict(outcome))
        write_sums(unfinished)
        unfinished.rename(folder / RESULT)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)  # the disk may be full
        raise


def is_finished(folder: Path) -> bool:
    """Whether the run in `folder` has come to its end, and its result is kept."""
    return (folder / RESULT).is_dir()


def is_kept(folder: Path) -> bool:
    """Whether the result of a run is there and as it was written. One that is damaged is named and removed."""
    if not is_finished(folder):
        return False
    path = damaged_part(folder)
    if path is None:
        return True
    print(f"train: {path}: damaged, so this run's kept result is removed and it is trained anew", file=sys.stderr)
    drop(folder)
    return False


def damaged_part(folder: Path) -> Path | None:
    """The first file of a kept result that is not as it was written, is missing, or was added; None when there is none."""
    result = folder / RESULT
    for part in (result, result / MODEL):
        sums = read_sums(part).keys()
        there = {path.name for path in part.glob("[!.]*") if path.is_file()} - {SUMS}
        if not sums:
            return part / SUMS
        if different := sorted(sums ^ there):
            return part / different[0]
        if path := damaged_file(part):
            return path
    return None if filecmp.cmp(result / MODEL_SUMS, result / MODEL / SUMS, shallow=False) else result / MODEL / SUMS


def outcome_of(folder: Path) -> dict[str, Any]:
    """The outcome of a kept result, of which it is noted that it is of use today."""
    os.utime(folder / RESULT)
    return read_json(folder / RESULT / OUTCOME)


def kept_model(folder: Path) -> Path:
    """Where the model of a kept result is."""
    return folder / RESULT / MODEL


def take(folder: Path, model: Path) -> None:
    """Put the model of a kept result into a folder that is not there yet."""
    model.mkdir(parents=True)
    for path in sorted(kept_model(folder).glob("[!.]*")):
        _link_or_copy(path, model / path.name)


def last_use(folder: Path) -> float:
    """When a kept result was made or taken, in seconds since 1970; 0 when it is gone meanwhile."""
    with suppress(FileNotFoundError):
        return (folder / RESULT).stat().st_mtime
    return 0.0


def drop(folder: Path) -> None:
    """Remove a kept result, and what was chosen from it: at once to whoever looks for it, however long its files take."""
    for choice in folder.glob(CHOICES):
        choice.unlink()
    shutil.rmtree(_unfinished(folder), ignore_errors=True)
    (folder / RESULT).rename(_unfinished(folder))
    shutil.rmtree(_unfinished(folder))


def _unfinished(folder: Path) -> Path:
    return folder / f"{UNFINISHED}{RESULT}"


def _link_or_copy(source: Path, target: Path) -> None:
    """Neither is ever written into: stages remove their outputs first, and sums tell of who does it by hand."""
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, another's file, or a disk without links
        shutil.copyfile(source, target)
