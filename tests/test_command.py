"""The frame of a stage."""

import errno
import gc
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from asr.base.errors import DataError
from stages.common.command import begin, run, telling_errors


def test_no_garbage_is_collected_from_begin_to_run_and_then_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["stages/split.py"])
    seen = []

    begin("Split.")
    seen.append(gc.isenabled())
    run("split", lambda: seen.append(gc.isenabled()))

    assert seen == [False, True]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_what_the_system_refuses_is_told_in_a_line_with_the_path(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, telling_errors("split"):
        raise OSError(code, os.strerror(code), "data/splits")

    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"split: data/splits: {os.strerror(code)}; "
        "allow this user to, or work in a folder of theirs (docs/machines.md#several-users)\n"
    )


def wrapped(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "models/a"), "models/a"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), ""),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0: file write failed"), ""),
        (ValueError("Error while serializing: I/O error: No space left on device (os error 28)"), ""),
        (wrapped(DataError("inspections.sqlite: remove it"), sqlite3.OperationalError("database or disk is full")), ""),
    ],
)
def test_a_full_disk_is_told_in_a_line(error: Exception, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, telling_errors("train"):
        raise error

    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"train: {place or Path.cwd()}: no space left on the disk, or in the quota; make room, and run it again: "
        "what is whole stays\n"
    )


@pytest.mark.parametrize("error", [OSError(errno.EISDIR, "Is a directory", "data"), OSError(errno.EACCES, "Denied")])
def test_any_other_error_of_the_system_is_ours_and_shows_itself(error: OSError) -> None:
    with pytest.raises(OSError, match=r"data|Denied"), telling_errors("split"):
        raise error


def test_an_output_that_may_not_be_removed_is_named_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "summary.json")  # so does rmtree of what is in it

    monkeypatch.setattr(shutil, "rmtree", refuse)

    with pytest.raises(SystemExit):
        run("split", lambda: None, writes=[tmp_path])

    assert capsys.readouterr().err.startswith(f"split: {tmp_path}: Permission denied; ")
