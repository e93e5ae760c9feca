"""Inputs: a stage that DVC starts refuses what is not what the stage before it wrote, and repair with DVC makes that anew."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asr.base.errors import DataError
from stages.common.command import run
from stages.common.inputs import require_whole_inputs
from tests.project import environment, make_project, tree
from tests.test_repair import flip, keep

LIST = Path("data/splits/text/train.jsonl")
FOLDER = Path("models/whisper")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What split and train have written, as dvc.lock has it, for evaluate, which reads both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "evaluate")
    names = {path: keep(f"content of {path}".encode(), FOLDER / path) for path in ("weights", "more.arrow")}
    rows = ", ".join(f'{{"md5": "{name}", "relpath": "{path}"}}' for path, name in names.items())
    listing = keep(f"[{rows}]".encode(), FOLDER, ".dir")
    list_md5 = keep(b'{"id": 1}\n', LIST)
    Path("dvc.yaml").write_text(f"stages:\n  evaluate:\n    deps: [{LIST}, {FOLDER}, asr/base]\n  describe:\n    deps: []\n")
    outs = {"split": (LIST, list_md5), "train": (FOLDER, listing)}
    Path("dvc.lock").write_text(
        "stages:\n"
        + "".join(
            f"  {stage}:\n    outs:\n    - path: {path}\n      hash: md5\n      md5: {md5}\n"
            for stage, (path, md5) in outs.items()
        )
    )
    return tmp_path


def test_whole_inputs_are_read(written: Path) -> None:
    require_whole_inputs("evaluate")


@pytest.mark.parametrize(("path", "writer"), [(LIST, "split"), (FOLDER / "weights", "train")])
def test_a_byte_that_a_disk_has_changed_is_named_with_the_stage_that_wrote_it(written: Path, path: Path, writer: str) -> None:
    flip(path)

    with pytest.raises(DataError, match=f"^{path}: damaged, its bytes are not those that {writer} wrote; run `make repair`$"):
        require_whole_inputs("evaluate")


def test_a_damaged_list_of_a_folders_files_is_named(written: Path) -> None:
    (listing,) = Path(".dvc/cache").rglob("*.dir")
    flip(listing)

    with pytest.raises(DataError, match=f"^{listing}: damaged, its bytes are not those that train wrote"):
        require_whole_inputs("evaluate")


def test_the_stage_ends_before_it_reads_or_removes_anything(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(LIST)
    Path("out").write_text("of the last run")
    read: list[str] = []

    with pytest.raises(SystemExit, match="1"):
        run("evaluate", lambda: read.append("read"), writes=(Path("out"),))

    assert capsys.readouterr().err.startswith(f"evaluate: {LIST}: damaged, ")
    assert read == []
    assert Path("out").exists()


def test_shards_are_left_to_their_readers(written: Path) -> None:
    flip(FOLDER / "more.arrow")

    require_whole_inputs("evaluate")


def test_a_stage_that_is_run_by_hand_reads_what_is_there(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(LIST)

    require_whole_inputs("describe")
    monkeypatch.delenv("DVC_STAGE")
    require_whole_inputs("evaluate")


def test_from_another_folder_dvc_names_the_stage_by_its_file_too(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(LIST)
    monkeypatch.setenv("DVC_STAGE", "../dvc.yaml:evaluate")

    with pytest.raises(DataError, match=str(LIST)):
        require_whole_inputs("evaluate")


def test_without_a_lock_or_without_the_list_there_is_nothing_to_compare_with(written: Path) -> None:
    flip(FOLDER / "weights")
    (listing,) = Path(".dvc/cache").rglob("*.dir")
    listing.unlink()
    require_whole_inputs("evaluate")

    flip(LIST)
    Path("dvc.lock").unlink()
    require_whole_inputs("evaluate")


def call(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", *command]
    return subprocess.run(arguments, cwd=project, env=environment(), capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_damaged_list_stops_a_stage_of_dvcs_and_after_repair_dvc_makes_it_anew_with_the_same_lock(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    for arguments in (["init", "--no-scm", "--quiet"], ["config", "cache.type", "hardlink,copy"], ["repro", "split"]):
        assert call(project, "dvc", *arguments).returncode == 0
    before, lock = tree(project / "data/splits"), (project / "dvc.lock").read_text()
    flip(project / "data/splits/audio/train.jsonl")
    assert "didn't change, skipping" in call(project, "dvc", "repro", "split").stdout

    stopped = call(project, "dvc", "repro", "sets")

    line = "sets: data/splits/audio/train.jsonl: damaged, its bytes are not those that split wrote; run `make repair`\n"
    assert stopped.returncode != 0
    assert line in stopped.stderr
    assert "Traceback" not in stopped.stderr

    told = call(project, "commands.cache", "repair")
    assert told.returncode == 0, told.stderr
    assert told.stdout.endswith("`make repro` makes anew: split\n")
    assert not os.path.lexists(project / "data/splits/audio/train.jsonl")

    again = call(project, "dvc", "repro", "split")
    assert "Running stage 'split'" in again.stdout
    assert tree(project / "data/splits") == before
    assert (project / "dvc.lock").read_text() == lock
    assert call(project, "dvc", "repro", "sets").returncode == 0
    assert call(project, "commands.cache", "repair").stdout == "what DVC keeps and the outputs here are as they were written\n"
