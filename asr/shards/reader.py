"""The reader: a folder of shards as one list of clips, checked once and memory-mapped."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from asr.base.errors import DataError
from asr.shards.format import MANIFEST, REMEDY, Shard, read_manifest
from asr.shards.store import FolderStore, hash_file, open_store

READERS = 4
"""Threads that check shards: hashing lets the others run."""

MOST_MAPPED = 16_384
"""Shards that a process has mapped at a time: Linux lets it have 65,530 maps, and a million clips of 10 s are 33,000 shards."""


@dataclass(frozen=True)
class OpenShard:
    """A shard whose file is mapped: its columns, and each row's frames, shape (frames, mels), as a view."""

    batch: pa.RecordBatch
    n_mels: int

    def __getitem__(self, row: int) -> NDArray[np.float16]:
        frames: NDArray[np.float16] = self.batch.column("log_mel")[row].values.to_numpy(zero_copy_only=True)
        return frames.reshape(-1, self.n_mels)


@lru_cache(MOST_MAPPED)
def mapped(path: Path, n_mels: int, modified_ns: int | None = None) -> OpenShard:
    """Map a shard's file, which has been checked.

    Args:
        path: the file.
        n_mels: how many values a frame has.
        modified_ns: its time, where it may be removed and made again: one of another time is another file.
    """
    return OpenShard(pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0), n_mels)


class StoredFeatures:
    """A folder of shards as one list of clips, each a float16 view of shape (frames, mels) into the mapped file."""

    def __init__(self, folder: Path, cache: Path) -> None:
        """Check every shard against the manifest, and map it.

        Args:
            folder: what a features stage wrote.
            cache: where shards are kept that an object store holds.

        Raises:
            DataError: when the folder is incomplete, damaged or of another format, naming the file and the remedy.
        """
        manifest = read_manifest(folder / MANIFEST)
        self.folder = folder
        self.n_mels = manifest.n_mels
        self.dropped = manifest.dropped
        self.ids: list[str] = []
        self.copies: list[int] = []
        self._places: list[tuple[Path, int]] = []
        with ThreadPoolExecutor(READERS) as pool:
            for path in pool.map(lambda shard: checked(shard, folder, manifest.store, cache), manifest.shards):
                batch = mapped(path, self.n_mels).batch
                self.ids.extend(batch.column("id").to_pylist())
                self.copies.extend(batch.column("copy").to_pylist())
                self._places.extend((path, row) for row in range(batch.num_rows))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: int) -> NDArray[np.float16]:
        path, row = self._places[position]
        return mapped(path, self.n_mels)[row]

    def at(self, positions: Sequence[int]) -> "StoredFrames":
        """The clips at these positions, in this order, without reading them."""
        return StoredFrames(self, positions)


@dataclass(frozen=True)
class StoredFrames(Sequence[NDArray[np.float16]]):
    """Some clips of a folder of shards, in an order of their own: what a model is trained on or tested with."""

    stored: StoredFeatures
    positions: Sequence[int]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        return self.stored[self.positions[index]]


def checked(shard: Shard, folder: Path, store: str | None, cache: Path) -> Path:
    """Find a shard's file and check its bytes: DVC takes a damaged file for unchanged when its times are (dvc#5978).

    Args:
        shard: which one.
        folder: where it is, if there is no `store`.
        store: from which it is fetched.
        cache: where it is kept then.

    Raises:
        DataError: when it is missing or damaged, naming the file and the remedy.
    """
    path = folder / shard.file if store is None else FolderStore(cache).shard(shard.sha256)
    if store is not None and not path.exists():
        return _fetched(shard, store, cache)
    try:
        found = hash_file(path)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror}); {REMEDY}") from error
    if found != shard.sha256:
        raise DataError(f"{path}: damaged, its bytes are not those that were written; {REMEDY}")
    return path


def _fetched(shard: Shard, store: str, cache: Path) -> Path:
    try:
        content = open_store(store).read(shard.sha256)
    except Exception as error:  # every kind of store has its own
        raise DataError(f"{store}: can't read {shard.file} ({error}); check the network and the rights, or {REMEDY}") from error
    if hashlib.sha256(content).hexdigest() != shard.sha256:
        raise DataError(f"{store}: {shard.file} is damaged, its bytes are not those that were written; {REMEDY}")
    try:
        return FolderStore(cache).add(shard.sha256, content)
    except OSError as error:
        raise DataError(f"{cache}: {shard.file} can't be written: {error.strerror}; set cache in machine.yaml") from error
