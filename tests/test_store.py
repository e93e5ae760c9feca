"""Stores: whole files, records that tell the truth, nothing kept twice."""

import os
import time
from pathlib import Path

import fsspec
import pytest

from asr.shards.bucket import ObjectStore
from asr.shards.records import Held, Record, name_of
from asr.shards.store import FolderStore, open_store

CLIPS = (Held("one", 2), Held("two", 0, "a click"))


def filed(folder: Path, content: bytes = b"a shard", clips: tuple[Held, ...] = CLIPS, origin: str = "origin") -> Record:
    return FolderStore(folder).keep(origin, content, clips)


def found(folder: Path, origin: str = "origin") -> list[Record]:
    return list(FolderStore(folder).records(origin))


@pytest.mark.parametrize("kind", ["folder", "object"])
def test_what_is_kept_is_found_and_read_until_it_is_removed(tmp_path: Path, kind: str) -> None:
    store = open_store(tmp_path / "store" if kind == "folder" else f"memory://{tmp_path.name}")

    kept = store.keep("origin", b"a shard", CLIPS)

    assert (kept.size, kept.rows, kept.clips) == (7, 2, CLIPS)
    assert list(store.records("origin")) == [kept]
    assert list(store.records("another origin")) == []
    assert store.read(kept.sha256) == b"a shard"
    store.remove(kept.sha256)
    assert list(store.records("origin")) == []
    with pytest.raises(FileNotFoundError):
        store.read(kept.sha256)


@pytest.mark.parametrize("kind", ["folder", "object"])
def test_equal_shards_of_other_clips_have_records_of_their_own(tmp_path: Path, kind: str) -> None:
    store = open_store(tmp_path / "store" if kind == "folder" else f"memory://{tmp_path.name}")

    for key in ("one", "two"):
        store.keep("origin", b"nothing", [Held(key, 0, "a click")])

    assert {record.clips[0].key for record in store.records("origin")} == {"one", "two"}


def test_a_record_that_is_damaged_is_none(tmp_path: Path) -> None:
    kept = filed(tmp_path)
    damaged = filed(tmp_path, b"another shard", (Held("three", 1),))
    file = tmp_path / "records/origin" / f"{name_of(['three'])}.json"
    whole = file.read_bytes()
    for content in (whole[:40], whole.replace(b'["three", 1', b'["three", 2'), b"{}", b"[1]", b"\xff"):
        assert content != whole
        file.write_bytes(content)
        assert found(tmp_path) == [kept]
    assert FolderStore(tmp_path).shard(damaged.sha256).exists()


def test_a_shard_that_is_gone_is_not_found(tmp_path: Path) -> None:
    FolderStore(tmp_path).remove(filed(tmp_path).sha256)

    assert found(tmp_path) == []


def test_a_shard_that_was_changed_is_thrown_away(tmp_path: Path) -> None:
    path = FolderStore(tmp_path).shard(filed(tmp_path).sha256)
    path.write_bytes(b"a shbrd")

    assert found(tmp_path) == []
    assert not path.exists()


def test_a_shard_with_another_time_is_read_once_and_trusted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = filed(tmp_path)
    os.utime(FolderStore(tmp_path).shard(kept.sha256), ns=(1, 1))
    assert found(tmp_path) == [Record(kept.sha256, 7, CLIPS, modified_ns=1)]

    monkeypatch.delattr("asr.shards.store.is_whole")
    assert found(tmp_path) == [Record(kept.sha256, 7, CLIPS, modified_ns=1)]


def test_equal_shards_are_one_file(tmp_path: Path) -> None:
    path = FolderStore(tmp_path).shard(filed(tmp_path).sha256)
    inode = path.stat().st_ino

    filed(tmp_path, clips=(Held("three", 1),))

    assert [each.stat().st_ino for each in (tmp_path / "shards").iterdir()] == [inode]


def note_earlier(folder: Path, days: float) -> None:
    """Let all records have been written so long ago."""
    for file in (folder / "records").glob("*/*"):
        os.utime(file, (file.stat().st_mtime - days * 86_400,) * 2)


def uses(folder: Path) -> dict[str, float]:
    """How many days ago each shard was used."""
    return {sha256: (time.time() - used) / 86_400 for sha256, used in FolderStore(folder).last_uses().items()}


def test_a_shard_that_is_wanted_was_used_that_day_and_its_file_is_as_it_was(tmp_path: Path) -> None:
    kept, other = filed(tmp_path), filed(tmp_path, b"another shard", (Held("three", 1),))
    note_earlier(tmp_path, days=40)
    before = FolderStore(tmp_path).shard(kept.sha256).stat()
    assert uses(tmp_path) == pytest.approx({kept.sha256: 40, other.sha256: 40}, abs=0.1)

    FolderStore(tmp_path).note_use("origin", kept.name)

    assert uses(tmp_path) == pytest.approx({kept.sha256: 0, other.sha256: 40}, abs=0.1)
    assert FolderStore(tmp_path).shard(kept.sha256).stat() == before


def test_a_use_is_noted_once_a_day(tmp_path: Path) -> None:
    kept = filed(tmp_path)
    note_earlier(tmp_path, days=0.9)

    FolderStore(tmp_path).note_use("origin", kept.name)

    assert uses(tmp_path) == pytest.approx({kept.sha256: 0.9}, abs=0.01)


def test_the_latest_of_two_records_is_the_last_use_of_their_shard(tmp_path: Path) -> None:
    kept = filed(tmp_path)
    note_earlier(tmp_path, days=7)
    filed(tmp_path, origin="another origin")
    note_earlier(tmp_path, days=3)

    assert uses(tmp_path) == pytest.approx({kept.sha256: 3}, abs=0.1)


def test_sweeping_removes_records_of_nothing_and_what_was_left_unfinished(tmp_path: Path) -> None:
    kept, gone = filed(tmp_path), filed(tmp_path, b"another shard", (Held("three", 1),))
    FolderStore(tmp_path).remove(gone.sha256)
    left = [tmp_path / name for name in ("shards/.unfinished-old", "records/origin/.unfinished-old", "shards/.unfinished-new")]
    for path in left:
        path.touch()
        os.utime(path, (time.time() - (60 if path.name.endswith("new") else 7200),) * 2)

    FolderStore(tmp_path).sweep()

    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"shards/.unfinished-new", f"shards/{kept.sha256}.arrow", f"records/origin/{kept.name}.json"}
    assert found(tmp_path) == [kept]


def test_nothing_is_left_under_a_name_before_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        filed(tmp_path)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_objects_lie_where_the_address_says(tmp_path: Path) -> None:
    kept = ObjectStore(f"memory://{tmp_path.name}/deep").keep("origin", b"a shard", CLIPS)

    names = (f"records/origin/{kept.name}.json", f"shards/{kept.sha256}.arrow")
    assert sorted(fsspec.filesystem("memory").find(f"/{tmp_path.name}")) == [f"/{tmp_path.name}/deep/{name}" for name in names]
