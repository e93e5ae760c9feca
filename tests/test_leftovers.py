"""Leftovers of kills and full disks: what DVC and Python can't read is put right before a run, and nothing else is touched."""

import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands.compiled import cut_short
from commands.leftovers import mend
from tests.project import ROOT

STAGE = (
    "stages:\n  split:\n    cmd: python -m stages.split\n    outs:\n    - path: data/splits\n      hash: md5\n      md5: {}\n"
)
WHOLE = "schema: '2.0'\n" + STAGE.format("0cc175b9c0f1b6a831c399e269772661")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project in which a run has begun before, when dvc.lock was whole."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / "dvc.lock").write_text(WHOLE)
    mend()


def lock() -> str:
    return Path("dvc.lock").read_text()


@pytest.mark.parametrize("content", ["", '{"read": {"data": [{"pid": 1'])
def test_a_cut_rwlock_is_removed(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".dvc/tmp/rwlock").write_text(content)

    mend()

    assert not Path(".dvc/tmp/rwlock").exists()
    assert capsys.readouterr().err == "repro: .dvc/tmp/rwlock was cut short by a kill or a full disk; removed\n"


def test_an_rwlock_that_another_dvc_is_writing_stays() -> None:
    from dvc.lock import make_lock

    Path(".dvc/tmp/rwlock").write_text("")
    # flock is by file description, so this process may be the other one.
    with make_lock(".dvc/tmp/rwlock.lock", tmp_dir=".dvc/tmp"):
        mend()

    assert Path(".dvc/tmp/rwlock").exists()


def test_a_whole_rwlock_stays(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".dvc/tmp/rwlock").write_text('{"read": {}, "write": {}}')

    mend()

    assert Path(".dvc/tmp/rwlock").exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("left", [0, len(WHOLE) // 2])
def test_a_cut_dvc_lock_is_again_what_it_was(left: int, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dvc.lock").write_text(WHOLE[:left])

    mend()

    assert lock() == WHOLE
    assert Path(".dvc/tmp/dvc.lock.cut").read_text() == WHOLE[:left]
    assert "dvc.lock was cut short; it is again what it was when the last run began" in capsys.readouterr().err


def test_a_cut_dvc_lock_that_dvc_can_read_stays_as_it_runs_the_stage_again() -> None:
    Path("dvc.lock").write_text(WHOLE[:-25])

    mend()

    assert lock() == WHOLE[:-25]


def test_what_git_could_not_merge_is_left_to_whoever_merges() -> None:
    conflict = f"<<<<<<< HEAD\n{WHOLE}=======\n>>>>>>> other\n"
    Path("dvc.lock").write_text(conflict)

    mend()

    assert lock() == conflict


def test_compiled_code_that_is_cut_is_removed_and_python_goes_on(tmp_path: Path) -> None:
    for name in ("asr", "stages", "commands"):
        (tmp_path / name).mkdir()
    (tmp_path / "asr/__init__.py").touch()
    (tmp_path / "asr/number.py").write_text("NUMBER = 7\n" * 20)
    use = [sys.executable, "-c", "from asr.number import NUMBER; print(NUMBER)"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    assert subprocess.run(use, capture_output=True, text=True, check=True, env=environment).stdout == "7\n"
    (compiled,) = tmp_path.glob("asr/__pycache__/number.*.pyc")
    compiled.write_bytes(compiled.read_bytes()[:30])
    assert "EOFError" in subprocess.run(use, capture_output=True, text=True, check=False, env=environment).stderr

    look = [sys.executable, "-P", str(ROOT / "commands/compiled.py")]
    told = subprocess.run(look, capture_output=True, text=True, check=True, env=environment)

    assert f"repro: {compiled.relative_to(tmp_path)}: cut short; removed" in told.stderr
    assert subprocess.run(use, capture_output=True, text=True, check=True, env=environment).stdout == "7\n"


def test_what_was_looked_at_before_is_not_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "asr/__pycache__"
    folder.mkdir(parents=True)
    (folder / "old.pyc").write_bytes(b"cut")
    (folder / "whole.pyc").write_bytes(bytes(16) + marshal.dumps(None))
    os.utime(folder / "old.pyc", ns=(1, 1))

    assert list(cut_short([tmp_path], since=2)) == []
    assert list(cut_short([tmp_path], since=0)) == [folder / "old.pyc"]
