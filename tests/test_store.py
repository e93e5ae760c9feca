"""Stores: whole files, records that tell the truth, nothing kept twice."""

import os
from pathlib import Path

import fsspec
import pytest

from asr.store import FolderStore, ObjectStore, Record, Store, open_store

DROPPED = (("clip", "a click"),)


@pytest.fixture(params=["folder", "object"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(tmp_path / "store" if request.param == "folder" else f"memory://{tmp_path.name}")


def test_what_is_kept_is_found_and_read(store: Store) -> None:
    kept = store.keep("key", b"a shard", 3, DROPPED)

    assert store.find("key") == kept
    assert (kept.size, kept.rows, kept.dropped) == (7, 3, DROPPED)
    assert store.read(kept.sha256) == b"a shard"
    assert store.find("another key") is None


def test_a_shard_that_is_gone_is_not_found(store: Store) -> None:
    kept = store.keep("key", b"a shard", 3, ())
    store.remove(kept.sha256)

    assert store.find("key") is None
    with pytest.raises(FileNotFoundError):
        store.read(kept.sha256)


def test_a_record_that_can_not_be_read_is_none(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.keep("key", b"a shard", 3, ())
    (tmp_path / "records" / "key.json").write_text("{}")

    assert store.find("key") is None


def test_a_shard_that_was_changed_is_thrown_away(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    kept = store.keep("key", b"a shard", 3, ())
    store.shard(kept.sha256).write_bytes(b"a shbrd")

    assert store.find("key") is None
    assert not store.shard(kept.sha256).exists()


def test_a_shard_with_another_time_is_read_once_and_trusted_again(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    kept = store.keep("key", b"a shard", 3, ())
    os.utime(store.shard(kept.sha256), ns=(1, 1))

    found = store.find("key")

    assert found == Record(kept.sha256, 7, 3, (), modified_ns=1)
    assert '"modified_ns": 1' in (tmp_path / "records" / "key.json").read_text()


def test_equal_shards_are_one_file(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    path = store.shard(store.keep("key", b"a shard", 3, ()).sha256)
    inode = path.stat().st_ino

    store.keep("another key", b"a shard", 3, ())

    assert [found.stat().st_ino for found in (tmp_path / "shards").iterdir()] == [inode]


def test_nothing_is_left_under_a_name_before_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        FolderStore(tmp_path).keep("key", b"a shard", 3, ())

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_objects_lie_where_the_address_says(tmp_path: Path) -> None:
    kept = ObjectStore(f"memory://{tmp_path.name}/deep").keep("key", b"a shard", 3, ())

    found = fsspec.filesystem("memory").find(f"/{tmp_path.name}")

    assert sorted(found) == [f"/{tmp_path.name}/deep/{name}" for name in ("records/key.json", f"shards/{kept.sha256}.arrow")]
