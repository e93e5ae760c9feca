"""What DVC keeps of the user's data: what need not be here, and what must not be taken as it is without a word."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr.base.errors import DataError
from commands.remote import default_remote, reaches_remote, unverified_remote
from commands.tracking import Elsewhere, elsewhere, linked_folders, tracker, unlisted_changes
from tests.project import environment

LOCK = """
stages:
  validate:
    deps:
    - path: /mnt/calls
      md5: d751713988987e9331980363e24189ce.dir
"""


def dvc(*command: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *command, "--quiet"], env=environment(), check=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose recordings `dvc add` has taken; nobody changes it."""
    project = tmp_path_factory.mktemp("made")
    (project / "recordings/audios").mkdir(parents=True)
    for name in ("1", "2", "3"):
        (project / "recordings/audios" / f"{name}.wav").write_text(f"sound {name}")
    with contextlib.chdir(project):
        subprocess.run(["git", "init", "--quiet"], check=True)
        dvc("init")
        dvc("add", "recordings")
    return project


@pytest.fixture
def tracked(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recordings of a copy to change."""
    monkeypatch.chdir(shutil.copytree(made, tmp_path / "project"))
    return tmp_path / "project" / "recordings"


def test_a_path_is_tracked_by_its_own_file_or_that_of_a_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("calls").mkdir()
    for file in ("recordings.dvc", "calls/june.csv.dvc"):
        Path(file).touch()

    assert tracker("recordings") == tracker("recordings/audios/1.wav") == Path("recordings.dvc")
    assert tracker("calls/june.csv") == Path("calls/june.csv.dvc")
    assert tracker("calls") is tracker("calls/july.csv") is tracker("/mnt/calls") is None


def test_without_a_remote_everything_has_to_be_here(tracked: Path) -> None:
    (tracked.parent / "dvc.lock").write_text(LOCK)
    assert elsewhere() == Elsewhere(None, frozenset({"/mnt/calls"}))
    assert not elsewhere().has("recordings/clips.csv")

    dvc("remote", "add", "--default", "storage", str(tracked.parent / "remote"))

    assert elsewhere() == Elsewhere("storage", frozenset({"/mnt/calls"}))
    assert [path for path in ("recordings/clips.csv", "/mnt/calls", "/mnt/others", "models/pico") if elsewhere().has(path)] == [
        "recordings/clips.csv",
        "/mnt/calls",
    ]
    assert not elsewhere().is_absent("recordings")
    assert elsewhere().is_absent("recordings/clips.csv")


def test_a_remote_that_does_not_answer_is_told(tracked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dvc("remote", "add", "--default", "storage", str(tracked.parent / "remote"))
    assert reaches_remote()
    assert capsys.readouterr().err == ""

    dvc("remote", "modify", "storage", "url", "ssh://nobody@127.0.0.1:9/nowhere")  # where nobody listens

    assert not reaches_remote()
    assert capsys.readouterr().err.startswith("storage: the remote doesn't answer (")


def test_a_remote_whose_objects_are_not_checked_is_told(tracked: Path) -> None:
    assert list(unverified_remote()) == []

    dvc("remote", "add", "--default", "storage", str(tracked.parent / "remote"))
    assert list(unverified_remote()) == [
        "the remote storage is believed whatever it sends: `dvc remote modify storage verify true` has DVC check it"
    ]

    dvc("remote", "modify", "storage", "verify", "true")
    assert list(unverified_remote()) == []

    dvc("config", "core.remote", "nowhere")
    with pytest.raises(DataError, match=r"core\.remote names nowhere, which is not there"):
        default_remote()


def test_outside_of_a_dvc_project_nothing_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert elsewhere() == Elsewhere()


def test_what_is_as_it_was_added_and_what_is_not_here_is_not_told(tracked: Path) -> None:
    assert list(unlisted_changes(["recordings/clips.csv", "recordings", "data/sample"], None)) == []

    tracked.rename(tracked.parent / "moved")

    assert list(unlisted_changes(["recordings"], None)) == []


def test_what_was_added_changed_and_removed_is_counted_once(tracked: Path) -> None:
    for name in ("1", "new"):
        (tracked / "audios" / f"{name}.wav").unlink(missing_ok=True)
        (tracked / "audios" / f"{name}.wav").write_text("another sound")
    (tracked / "audios" / "2.wav").unlink()

    assert list(unlisted_changes(["recordings/clips.csv", "recordings"], None)) == [
        "recordings is not what recordings.dvc lists (1 added, 1 changed, 1 gone): `dvc checkout recordings.dvc` brings what "
        "is listed, as after a `git pull` or `git checkout`; `dvc add recordings` lists what is here instead"
    ]


def test_what_a_colleague_has_added_is_pulled(tracked: Path) -> None:
    (tracked / "audios/1.wav").unlink()

    assert "(1 gone): `dvc pull recordings.dvc` brings what is listed" in next(unlisted_changes(["recordings"], "storage"))


def test_an_emptied_folder_is_told(tracked: Path) -> None:
    for file in tracked.rglob("*.wav"):
        file.unlink()

    assert "(3 gone)" in next(unlisted_changes(["recordings"], None))


def test_the_file_of_another_branch_is_told_though_its_list_is_not_here(tracked: Path) -> None:
    file = tracked.with_name("recordings.dvc")
    file.write_text(file.read_text().replace("md5: ", "md5: 0123456789abcdef0123456789abcdef.dir #", 1))

    assert "is not what recordings.dvc lists (its files are others)" in next(unlisted_changes(["recordings"], None))


def test_links_to_folders_are_found_wherever_they_are(tmp_path: Path) -> None:
    for name in ("recordings/june", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere" / "1.wav").touch()
    (tmp_path / "recordings" / "june" / "1.wav").symlink_to(tmp_path / "elsewhere" / "1.wav")
    assert list(linked_folders(str(tmp_path / "recordings"))) == []

    (tmp_path / "recordings" / "june" / "more").symlink_to(tmp_path / "elsewhere")

    assert list(linked_folders(str(tmp_path / "recordings"))) == [tmp_path / "recordings" / "june" / "more"]
