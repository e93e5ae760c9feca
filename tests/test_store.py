"""Stores: whole files, records that tell the truth, nothing kept twice."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import fsspec
import pytest

from asr.features.index import Index
from asr.shards.store import FolderStore, ObjectStore, Record, open_store

DROPPED = (("clip", "a click"),)


def filed(folder: Path, key: str = "key", content: bytes = b"a shard") -> Record:
    """A shard in a folder, with its record in the index."""
    record = FolderStore(folder).keep(key, content, 3, DROPPED)
    index = Index(FolderStore(folder))
    index.add(key, record)
    index.close()
    return record


def find(folder: Path, key: str = "key") -> Record | None:
    return Index(FolderStore(folder)).find(key)


@pytest.mark.parametrize("kind", ["folder", "object"])
def test_what_is_kept_is_read_until_it_is_removed(tmp_path: Path, kind: str) -> None:
    store = open_store(tmp_path / "store" if kind == "folder" else f"memory://{tmp_path.name}")

    kept = store.keep("key", b"a shard", 3, DROPPED)

    assert (kept.size, kept.rows, kept.dropped) == (7, 3, DROPPED)
    assert store.read(kept.sha256) == b"a shard"
    store.remove(kept.sha256)
    with pytest.raises(FileNotFoundError):
        store.read(kept.sha256)


def test_an_object_store_has_records_of_its_own(tmp_path: Path) -> None:
    store = open_store(f"memory://{tmp_path.name}")
    kept = store.keep("key", b"a shard", 3, DROPPED)

    assert store.ask("key") == kept
    assert store.ask("another key") is None
    store.remove(kept.sha256)
    assert store.ask("key") is None


def test_a_folders_records_are_found_by_the_next_process(tmp_path: Path) -> None:
    kept = filed(tmp_path)
    filed(tmp_path, "another key", b"another shard")

    assert find(tmp_path) == kept
    assert find(tmp_path, "no key") is None


def test_a_record_that_was_not_finished_is_none(tmp_path: Path) -> None:
    filed(tmp_path)
    other = filed(tmp_path, "another key", b"another shard")
    for file in (tmp_path / "records").iterdir():
        if '"key"' in file.read_text():
            file.write_text(file.read_text()[:40])

    assert find(tmp_path) is None
    assert find(tmp_path, "another key") == other


def test_a_shard_that_is_gone_is_not_found(tmp_path: Path) -> None:
    FolderStore(tmp_path).remove(filed(tmp_path).sha256)

    assert find(tmp_path) is None


def test_a_shard_that_was_changed_is_thrown_away(tmp_path: Path) -> None:
    path = FolderStore(tmp_path).shard(filed(tmp_path).sha256)
    path.write_bytes(b"a shbrd")

    assert find(tmp_path) is None
    assert not path.exists()


def test_a_shard_with_another_time_is_read_once_and_trusted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = filed(tmp_path)
    os.utime(FolderStore(tmp_path).shard(kept.sha256), ns=(1, 1))
    assert find(tmp_path) == Record(kept.sha256, 7, 3, DROPPED, modified_ns=1)

    monkeypatch.delattr("asr.features.index.is_whole")
    assert find(tmp_path) == Record(kept.sha256, 7, 3, DROPPED, modified_ns=1)


def test_equal_shards_are_one_file(tmp_path: Path) -> None:
    path = FolderStore(tmp_path).shard(filed(tmp_path).sha256)
    inode = path.stat().st_ino

    filed(tmp_path, "another key")

    assert [found.stat().st_ino for found in (tmp_path / "shards").iterdir()] == [inode]


def note_earlier(folder: Path, days: float) -> None:
    """Let all records have been written so long ago."""
    for file in (folder / "records").iterdir():
        began, _, rest = file.name.partition("-")
        file.rename(file.with_name(f"{int(began) - int(days * 86_400e9)}-{rest}"))


def uses(folder: Path) -> dict[str, float]:
    """How many days ago each shard was used."""
    return {sha256: (time.time() - used) / 86_400 for sha256, used in Index(FolderStore(folder)).last_uses().items()}


def test_a_shard_that_is_found_was_used_that_day_and_its_file_is_as_it_was(tmp_path: Path) -> None:
    kept, other = filed(tmp_path), filed(tmp_path, "another key", b"another shard")
    note_earlier(tmp_path, days=40)
    before = FolderStore(tmp_path).shard(kept.sha256).stat()
    assert uses(tmp_path) == pytest.approx({kept.sha256: 40, other.sha256: 40}, abs=0.1)

    assert find(tmp_path) == kept

    assert uses(tmp_path) == pytest.approx({kept.sha256: 0, other.sha256: 40}, abs=0.1)
    assert FolderStore(tmp_path).shard(kept.sha256).stat() == before
    assert find(tmp_path) == kept


def test_a_use_is_noted_once_a_day(tmp_path: Path) -> None:
    filed(tmp_path)
    note_earlier(tmp_path, days=0.9)
    find(tmp_path)
    assert len(list((tmp_path / "records").iterdir())) == 1

    note_earlier(tmp_path, days=0.2)
    for _ in range(3):
        find(tmp_path)
    assert len(list((tmp_path / "records").iterdir())) == 2


def test_the_latest_of_two_keys_is_the_last_use_of_their_shard(tmp_path: Path) -> None:
    kept = filed(tmp_path)
    note_earlier(tmp_path, days=7)
    filed(tmp_path, "another key")
    note_earlier(tmp_path, days=3)

    assert uses(tmp_path) == pytest.approx({kept.sha256: 3}, abs=0.1)


def test_sweeping_gathers_the_records_and_removes_what_was_left_unfinished(tmp_path: Path) -> None:
    kept, gone = filed(tmp_path), filed(tmp_path, "another key", b"another shard")
    note_earlier(tmp_path, days=7)
    later = filed(tmp_path, "a third key", b"a third shard")
    FolderStore(tmp_path).remove(gone.sha256)
    for name, age in (("old", 7200), ("new", 60)):
        (tmp_path / "shards" / f".unfinished-{name}").touch()
        os.utime(tmp_path / "shards" / f".unfinished-{name}", (time.time() - age,) * 2)
    for file in (tmp_path / "records").iterdir():
        os.utime(file, (time.time() - 7200,) * 2)

    Index(FolderStore(tmp_path)).sweep()

    assert [line for file in sorted((tmp_path / "records").iterdir()) for line in file.read_text().splitlines()] == [
        json.dumps(["key", {**asdict(kept), "dropped": [["clip", "a click"]]}]),
        json.dumps(["a third key", {**asdict(later), "dropped": [["clip", "a click"]]}]),
    ]
    shards = {f"{kept.sha256}.arrow", f"{later.sha256}.arrow"}
    assert {path.name for path in (tmp_path / "shards").iterdir()} == {".unfinished-new", *shards}
    assert find(tmp_path) == kept
    assert uses(tmp_path) == pytest.approx({kept.sha256: 0, later.sha256: 0}, abs=0.1)


def test_sweeping_forgets_no_time(tmp_path: Path) -> None:
    kept = filed(tmp_path)
    note_earlier(tmp_path, days=7)

    Index(FolderStore(tmp_path)).sweep()

    assert uses(tmp_path) == pytest.approx({kept.sha256: 7}, abs=0.1)


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
