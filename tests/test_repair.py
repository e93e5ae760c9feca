"""Repair: damage in DVC's cache and in the outputs is found by hashing, removed or named; what is the user's own stays."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from asr.base.errors import DataError
from asr.shards.store import FolderStore
from commands.repairing.repair import repair

LISTS = {"data/lists/a.jsonl": b'{"id": "a"}\n', "models/whisper/config.json": b"{}", "models/whisper/weights": b"1234"}
CLIP = b"RIFF a clip"
OBJECTS = Path(".dvc/cache/files/md5")


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def keep(content: bytes, path: Path, suffix: str = "") -> str:
    """Put content into DVC's cache, and into the workspace by a hard link, as DVC does."""
    name = md5(content)
    kept = OBJECTS / name[:2] / f"{name[2:]}{suffix}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        kept.write_bytes(content)
        kept.chmod(0o444)
    if not suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(kept)
    return name + suffix


def of(path: Path) -> Path:
    """The object that a file of the workspace, whole or not, is a link to."""
    return next(kept for kept in OBJECTS.rglob("*") if kept.is_file() and kept.samefile(path))


def flip(path: Path) -> None:
    """Change a bit as a disk does: in place, and nothing else of the file."""
    before = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[1] ^= 1
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two stages that have run, and a clip that `dvc add` took."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    lists = [keep(LISTS["data/lists/a.jsonl"], Path("data/lists/a.jsonl"))]
    names = {path: keep(content, Path(path)) for path, content in LISTS.items() if path.startswith("models")}
    rows = [{"md5": name, "relpath": Path(path).name} for path, name in names.items()]
    listing = keep(json.dumps(rows, sort_keys=True).encode(), Path("models/whisper"), ".dir")
    outs = {"split": ("data/lists/a.jsonl", lists[0]), "train": ("models/whisper", listing)}
    stages = {stage: {"cmd": f"make {stage}", "outs": [path]} for stage, (path, _) in outs.items()}
    locked = {
        stage: {"cmd": f"make {stage}", "outs": [{"path": path, "hash": "md5", "md5": name}]}
        for stage, (path, name) in outs.items()
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": locked}))
    clip = {"outs": [{"path": "own.wav", "hash": "md5", "md5": keep(CLIP, Path("own.wav"))}]}
    Path("own.wav.dvc").write_text(yaml.safe_dump(clip))
    return tmp_path


Say = Callable[[], str]


@pytest.fixture
def said(kept: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """What repair says."""

    def run() -> str:
        repair(FolderStore(kept / "shards"))
        return capsys.readouterr().out

    return run


def test_where_nothing_is_damaged_nothing_is_removed(said: Say) -> None:
    assert said() == "what DVC keeps and the outputs here are as they were written\n"
    assert {path: Path(path).read_bytes() for path in LISTS} == LISTS


def test_a_list_and_its_object_that_are_one_damaged_file_are_removed_with_the_stage_that_makes_it(said: Say) -> None:
    damaged = Path("data/lists/a.jsonl")
    kept = of(damaged)
    flip(damaged)

    told = said()

    assert f"{kept}: damaged, removed; a part of data/lists/a.jsonl, which split makes\n" in told
    assert "data/lists/a.jsonl: damaged, removed; split makes it\n" in told
    assert told.endswith("`make repro` makes anew: split\n")
    assert not damaged.exists()
    assert not kept.exists()


def test_cut_weights_of_a_folder_are_removed_and_its_other_files_stay(said: Say) -> None:
    damaged = Path("models/whisper/weights")
    damaged.chmod(0o644)
    os.truncate(damaged, 2)

    told = said()

    assert told.endswith("`make repro` makes anew: train\n")
    assert not damaged.exists()
    assert Path("models/whisper/config.json").exists()


def test_a_dry_run_says_the_same_and_removes_nothing(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(Path("data/lists/a.jsonl"))

    repair(FolderStore(kept / "shards"), dry_run=True)

    assert "data/lists/a.jsonl: damaged, would be removed; split makes it\n" in capsys.readouterr().out
    assert of(Path("data/lists/a.jsonl")).exists()


def test_a_damaged_object_is_put_back_from_a_whole_file_of_the_workspace(said: Say) -> None:
    weights = Path("models/whisper/weights")
    kept = of(weights)
    weights.unlink()
    weights.write_bytes(LISTS[str(weights)])
    flip(kept)

    assert said() == f"{kept}: damaged, put back from models/whisper\n"
    assert kept.read_bytes() == LISTS[str(weights)]
    assert kept.stat().st_mode & 0o777 == 0o444


def test_a_damaged_list_of_a_folders_files_is_put_together_from_a_whole_folder(said: Say) -> None:
    (listing,) = OBJECTS.rglob("*.dir")
    before = listing.read_bytes()
    flip(listing)

    assert said() == f"{listing}: damaged, put back from models/whisper\n"
    assert listing.read_bytes() == before


def test_a_folder_that_is_damaged_as_its_list_is_goes_as_a_whole(said: Say) -> None:
    (listing,) = OBJECTS.rglob("*.dir")
    flip(listing)
    flip(Path("models/whisper/weights"))

    kept = of(Path("models/whisper/weights"))

    assert "models/whisper: DVC's list of its files is damaged, removed; train makes it\n" in said()
    assert not Path("models/whisper").exists()
    assert not listing.exists()
    assert not kept.exists()


def test_what_a_stage_wrote_by_hand_and_no_object_holds_is_named_and_left(said: Say) -> None:
    edited = Path("data/lists/a.jsonl")
    of(edited).unlink()
    edited.unlink()
    edited.write_bytes(b"written by hand")

    told = said()

    assert "a.jsonl: not what dvc.lock says, left: `make repro` makes it so, `dvc commit split` keeps what is there" in told
    assert edited.read_bytes() == b"written by hand"


def test_in_a_run_that_has_not_ended_what_was_written_since_is_left_although_the_cache_has_the_old(said: Say) -> None:
    edited = Path("data/lists/a.jsonl")
    edited.unlink()
    edited.write_bytes(b"of a new run")
    Path("metrics").mkdir()
    Path("metrics/data.json").write_text('{\n  "outdated": "a run has begun"\n}\n')

    assert "left: `make repro`" in said()
    assert edited.read_bytes() == b"of a new run"


@pytest.mark.parametrize("is_list_damaged", [False, True])
def test_features_are_made_at_once_unless_what_they_are_made_of_is_damaged_too(
    is_list_damaged: bool, said: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path("data/features/train")
    rows = [{"md5": keep(b"{}", folder / "manifest.json"), "relpath": "manifest.json"}]
    listing = keep(json.dumps(rows, sort_keys=True).encode(), folder, ".dir")
    for path, out in {
        "dvc.yaml": str(folder),
        "dvc.lock": {"path": str(folder), "hash": "md5", "md5": listing},
    }.items():
        values = yaml.safe_load(Path(path).read_text())
        values["stages"]["features_train"] = {"cmd": "make features_train", "outs": [out]}
        Path(path).write_text(yaml.safe_dump(values, sort_keys=False))
    made: list[str] = []
    monkeypatch.setattr("commands.repairing.repair.make_anew", lambda folders: made.extend(each.stage for each in folders))
    if is_list_damaged:
        flip(Path("data/lists/a.jsonl"))

    told = said()

    assert f"{folder}: damaged, features_train makes it anew\n" in told
    assert not folder.exists()
    assert made == ([] if is_list_damaged else ["features_train"])
    assert told.endswith("`make repro` makes anew: split, features_train\n" if is_list_damaged else "repaired\n")


def test_what_is_absent_is_no_damage(said: Say) -> None:
    Path("data/lists/a.jsonl").unlink()

    assert said() == "what DVC keeps and the outputs here are as they were written\n"


def test_the_users_own_clip_is_never_removed_but_named_and_its_bytes_are_left_alone(
    said: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(Path("own.wav"))
    flipped, kept = Path("own.wav").read_bytes(), of(Path("own.wav"))

    with pytest.raises(DataError, match=r"damaged, and no stage makes it: .* and 1 more; what mends it stands above"):
        said()

    told = capsys.readouterr().out
    assert "own.wav: damaged; put a copy of yours in its place, and `dvc add own.wav`" in told
    assert Path("own.wav").read_bytes() == kept.read_bytes() == flipped


def test_a_damaged_object_that_nothing_here_names_is_kept(said: Say, capsys: pytest.CaptureFixture[str]) -> None:
    keep(b"a clip of another branch", Path("other.wav"))
    kept = of(Path("other.wav"))
    flip(kept)

    with pytest.raises(DataError, match=f"damaged, and no stage makes it: {kept}; what mends it stands above"):
        said()
    assert f"{kept}: damaged; of another revision" in capsys.readouterr().out
    assert kept.exists()


def test_a_damaged_object_whose_bytes_have_been_taken_as_they_are_is_removed(said: Say) -> None:
    keep(b"a clip of another branch", Path("other.wav"))
    kept = of(Path("other.wav"))
    flip(kept)
    flipped = Path("other.wav").read_bytes()
    keep(flipped, Path("taken.wav"))

    assert said() == f"{kept}: damaged, removed; what it holds is kept as {of(Path('taken.wav'))}\n"
    assert of(Path("taken.wav")).read_bytes() == flipped


def test_a_damaged_object_of_an_earlier_run_and_a_broken_record_of_one_are_removed(said: Say) -> None:
    wrote = keep(b"an older list", Path("older.jsonl"))
    record = Path(".dvc/cache/runs/ab") / ("ab" * 32)
    record.mkdir(parents=True)
    run = {"cmd": "make split", "deps": [], "outs": [{"path": "data/lists/a.jsonl", "hash": "md5", "md5": wrote}]}
    (record / ("1" * 64)).write_text(yaml.safe_dump(run))
    (record / ("2" * 64)).write_bytes(b"cmd: [make\x00")
    kept = of(Path("older.jsonl"))
    flip(kept)

    assert said() == (
        f"{record}/{'2' * 64}: not what DVC wrote of an earlier run\n"
        f"{kept}: damaged, removed; an earlier run wrote it, in data/lists/a.jsonl\n"
    )
    assert [path.name for path in record.iterdir()] == ["1" * 64]
    assert not kept.exists()


def test_a_copy_that_dvc_trusts_by_its_time_is_damage_and_goes(said: Say) -> None:
    from dvc.fs import localfs
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    copy = Path("data/lists/a.jsonl")
    of(copy).unlink()
    with Repo() as repo:
        repo.state.save(str(copy.absolute()), localfs, HashInfo("md5", md5(copy.read_bytes())))
    flip(copy)

    assert said() == "data/lists/a.jsonl: damaged, removed; split makes it\n`make repro` makes anew: split\n"
    assert not copy.exists()
