"""The command that prunes, beside the shards: what nobody has used for long goes, but for training runs."""

import os
import sys
import time
from pathlib import Path

import pytest

from asr.model.checksums import write_sums
from asr.runs.kept import keep
from asr.shards.store import SECONDS_A_DAY
from commands import cache
from tests.damage import flip

NAME, OTHER = "0123456789abcdef", "fedcba9876543210"


def put(path: str, days: float = 40, count: int = 2_000_000) -> Path:
    """A file of some bytes that was written some days ago, as were the folders that it is in."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(count))
    for each in (file, *file.parents[:-1]):
        os.utime(each, (time.time() - days * SECONDS_A_DAY,) * 2)
    return file


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "workspace_shards", set)
    for variable in [name for name in os.environ if name.startswith("ASR_")]:
        monkeypatch.delenv(variable)


def call(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cache", *arguments])
        cache.main()


def left() -> set[str]:
    return {path.relative_to(".cache").as_posix() for path in Path(".cache").rglob("*") if path.is_file()}


def test_converted_models_that_nobody_has_used_go_and_what_killed_conversions_left() -> None:
    put(f".cache/converted/{OTHER}/model.bin")
    put(f".cache/converted/{NAME}/model.bin")
    put(".cache/converted/tmp1a_b2/made/model.bin")
    Path(f".cache/converted/{NAME}").touch()

    call("prune")

    assert left() == {f"converted/{NAME}/model.bin"}


def test_days_say_what_is_long_and_a_dry_run_only_tells(capsys: pytest.CaptureFixture[str]) -> None:
    put(f".cache/converted/{NAME}/model.bin")

    call("prune", "--days", "50")
    call("prune", "--dry-run")
    assert left() == {f"converted/{NAME}/model.bin"}
    assert capsys.readouterr().out.count(".cache/converted: would remove 1 of checkpoints") == 1

    call("prune")
    assert left() == set()


def test_events_go_but_for_those_of_runs_that_have_not_ended_and_what_is_not_ours() -> None:
    put(f".cache/tensorboard/{NAME}/events.1")
    put(f".cache/tensorboard/{OTHER}/events.1")
    put(".cache/tensorboard/somebody's/events.1")
    put(f".cache/training/{OTHER}/checkpoint-7/model.safetensors")

    call("prune")

    assert left() == {
        f"tensorboard/{OTHER}/events.1",
        "tensorboard/somebody's/events.1",
        f"training/{OTHER}/checkpoint-7/model.safetensors",
    }


def test_events_of_which_one_was_written_lately_stay() -> None:
    put(f".cache/tensorboard/{NAME}/old/events.1")
    put(f".cache/tensorboard/{NAME}/events.2", days=3)
    os.utime(f".cache/tensorboard/{NAME}", (0, 0))

    call("prune")

    assert len(left()) == 2


def test_speeds_that_no_page_here_shows_go() -> None:
    put(f".cache/speeds/{NAME}.js")
    put(f".cache/speeds/{OTHER}.js")
    put("metrics/report.html").write_text(f'<script src="../.cache/speeds/{NAME}.js"></script>')

    call("prune")

    assert left() == {f"speeds/{NAME}.js"}


def test_a_training_run_is_told_with_its_size_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    put(f".cache/training/{NAME}/checkpoint-7/model.safetensors")

    call("prune")

    assert f".cache/training/{NAME}: 2.0 MB, a training run that stopped 40 days ago, or runs; " in (
        told := capsys.readouterr().out
    )
    assert f"rm -r .cache/training/{NAME}\n" in told
    assert left() == {f"training/{NAME}/checkpoint-7/model.safetensors"}


def finished(name: str, days: float) -> Path:
    """A finished run that was of use some days ago."""
    folder = Path(".cache/training", name)
    keep(folder, lambda model: write_model(model), {"steps": 9})
    (folder / "run.json").write_text("{}")
    os.utime(folder / "result", (time.time() - days * SECONDS_A_DAY,) * 2)
    return folder


def write_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(2_000_000))
    write_sums(folder)


def test_finished_training_runs_go_that_were_of_no_use_for_long_and_stopped_ones_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unused, used = finished(NAME, days=40), finished(OTHER, days=3)
    mine = finished("somebody's", days=40)
    stopped = put(f".cache/training/{'5' * 16}/checkpoint-7/model.safetensors").parents[1]

    call("show")
    assert f"{unused}: 2.0 MB, a finished training run, of use 40 days ago\n" in capsys.readouterr().out
    call("prune", "--dry-run")
    assert ".cache/training: would remove 1 of finished training runs, 2.0 MB\n" in capsys.readouterr().out
    call("prune")

    assert ".cache/training: removed 1 of finished training runs, 2.0 MB\n" in (told := capsys.readouterr().out)
    assert f"{stopped}: 2.0 MB, a training run that stopped 40 days ago" in told
    assert sorted(path for path in Path(".cache/training").iterdir() if path.is_dir()) == sorted([used, mine, stopped])


def test_repair_removes_a_finished_training_run_whose_model_is_damaged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache, "repair", lambda *_: None)
    damaged, whole = finished(NAME, days=0), finished(OTHER, days=0)
    stopped = put(f".cache/training/{'5' * 16}/checkpoint-7/model.safetensors").parents[1]
    flip(weights := damaged / "result/model/model.safetensors")

    call("repair", "--dry-run")
    assert f"{weights}: damaged; the finished training run {damaged} would be removed, and " in capsys.readouterr().out
    call("repair")

    assert f"{weights}: damaged; the finished training run {damaged} removed, and " in capsys.readouterr().out
    assert sorted(path for path in Path(".cache/training").iterdir() if path.is_dir()) == sorted([whole, stopped])


def test_all_that_is_kept_is_shown_with_size_and_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    put(f".cache/converted/{NAME}/model.bin", count=3_000_000)
    put(".cache/inspections.sqlite")
    put(".cache/inspections.sqlite-journal")
    put(".cache/of an older version/a")

    call("show")

    assert [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()] == [
        "features: 0 shards, 0.0 MB",
        "converted: 3.0 MB: checkpoints as faster-whisper runs them, made again when wanted",
        "inspections.sqlite: 2.0 MB: what was found out about recordings, so that none is decoded twice",
        "of an older version: 2.0 MB: nothing that this version knows",
    ]
