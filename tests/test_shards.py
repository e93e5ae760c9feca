"""Shards: equal rows give equal bytes; a damaged file is named before anything is read from it."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import fsspec
import numpy as np
import pytest

from asr.base.errors import DataError
from asr.shards.format import Dropped, Manifest, Shard, StoredClip, read_manifest, to_bytes
from asr.shards.reader import StoredFeatures, mapped
from asr.shards.records import Held
from asr.shards.store import open_store
from tests.shards import stored

TWO = [np.full((3, 2), 0.5, np.float16), np.arange(8, dtype=np.float16).reshape(4, 2)]


def shard_of(folder: Path) -> Path:
    return next(folder.glob("*.arrow"))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    features = stored(tmp_path / "out", ["a", "b"], TWO)

    assert (len(features), features.ids, list(features.copies), features.n_mels) == (2, ["a", "b"], [0, 0], 2)
    np.testing.assert_array_equal(features[0], TWO[0])
    np.testing.assert_array_equal(features[1], TWO[1])


def test_equal_rows_give_equal_bytes() -> None:
    rows = [StoredClip("a", 0, TWO[0]), StoredClip("a", 1, TWO[1])]

    assert to_bytes(rows) == to_bytes(list(rows))
    assert to_bytes(rows) != to_bytes(rows[::-1])
    assert len(to_bytes([])) > 0


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(80, "s3://bucket/folder", (Shard("ab", 3),), (Dropped("c", "café.wav", "a click"),))
    manifest.write(tmp_path)

    assert read_manifest(tmp_path / "manifest.json") == manifest


@pytest.mark.parametrize("place", range(0, 900, 111))
def test_one_byte_anywhere_stops_the_reader_which_names_the_file(tmp_path: Path, place: int) -> None:
    stored(tmp_path / "out", ["a", "b"], TWO)
    flip(shard_of(tmp_path / "out"), place)

    with pytest.raises(DataError, match=rf"{shard_of(tmp_path / 'out').name}: damaged, .*; run `make repair`"):
        StoredFeatures(tmp_path / "out", tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    stored(tmp_path / "out", ["a", "b"], TWO)
    shard_of(tmp_path / "out").unlink()

    with pytest.raises(DataError, match=r"arrow: can't be read \(No such file or directory\); run `make repair`"):
        StoredFeatures(tmp_path / "out", tmp_path)


def test_a_folder_without_a_manifest_or_of_another_format_is_named(tmp_path: Path) -> None:
    stored(tmp_path / "out", ["a", "b"], TWO)
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 1}))
    with pytest.raises(DataError, match=r"manifest.json: written in format 1, this is format 2; run `make repair`"):
        StoredFeatures(tmp_path / "out", tmp_path)

    manifest.write_text("{")
    with pytest.raises(DataError, match=r"manifest.json: can't be read; run `make repair`"):
        StoredFeatures(tmp_path / "out", tmp_path)

    manifest.unlink()
    with pytest.raises(DataError, match=r"manifest.json: not there; run `dvc repro`"):
        StoredFeatures(tmp_path / "out", tmp_path)


def in_a_store(folder: Path, address: str) -> str:
    kept = open_store(address).keep("origin", to_bytes([StoredClip("a", 0, TWO[0])]), [Held("a", 1)])
    folder.mkdir()
    Manifest(2, address, (Shard(kept.sha256, 1),), ()).write(folder)
    return kept.sha256


def test_more_shards_can_be_read_than_are_mapped_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = []
    for number, frames in enumerate(TWO):
        content = to_bytes([StoredClip(str(number), 0, frames)])
        shards.append(Shard(hashlib.sha256(content).hexdigest(), 1))
        (tmp_path / shards[-1].file).write_bytes(content)
    Manifest(2, None, tuple(shards), ()).write(tmp_path)
    monkeypatch.setattr("asr.shards.reader.mapped", lru_cache(1)(mapped.__wrapped__))

    stored = StoredFeatures(tmp_path, tmp_path)

    for position in (0, 1, 0):
        np.testing.assert_array_equal(stored[position], TWO[position])


def test_shards_are_fetched_from_their_store_once(tmp_path: Path) -> None:
    address = f"memory://{tmp_path.name}"
    sha256 = in_a_store(tmp_path / "out", address)
    StoredFeatures(tmp_path / "out", tmp_path / "cache")
    open_store(address).remove(sha256)

    np.testing.assert_array_equal(StoredFeatures(tmp_path / "out", tmp_path / "cache")[0], TWO[0])


def test_a_shard_that_is_damaged_in_its_store_is_named_and_not_kept(tmp_path: Path) -> None:
    address = f"memory://{tmp_path.name}"
    sha256 = in_a_store(tmp_path / "out", address)
    fsspec.filesystem("memory").pipe_file(f"/{tmp_path.name}/shards/{sha256}.arrow", b"something else")

    with pytest.raises(DataError, match=rf"{address}: {sha256}.arrow is damaged"):
        StoredFeatures(tmp_path / "out", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_shard_that_its_store_has_lost_is_named(tmp_path: Path) -> None:
    address = f"memory://{tmp_path.name}"
    sha256 = in_a_store(tmp_path / "out", address)
    open_store(address).remove(sha256)

    with pytest.raises(DataError, match=rf"{address}: can't read {sha256}.arrow"):
        StoredFeatures(tmp_path / "out", tmp_path / "cache")
