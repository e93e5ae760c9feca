"""Shards: log-mel features in Arrow files, checked once and read memory-mapped.

A folder of features holds `manifest.json` and the shards that it lists, each an Arrow IPC file named by the SHA-256 of its
bytes. A row is a clip, or a changed copy of one: the clip's id, the copy's number and its frames as one flat list of float16,
frame by frame. There is no text in it and no token, so no transcript and no model can make it stale. When the manifest names
a store, the shards are there instead, and are fetched when they are read.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from asr.errors import DataError
from asr.store import FolderStore, hash_file, open_store

FORMAT = 2
MANIFEST = "manifest.json"
SCHEMA = pa.schema([pa.field("id", pa.string()), pa.field("copy", pa.int32()), pa.field("log_mel", pa.list_(pa.float16()))])

READERS = 4
"""Threads that check shards: hashing lets the others run."""

REMEDY = "run `make repair`"


class OtherFormatError(DataError):
    """A folder that another version of this project wrote."""


@dataclass(frozen=True)
class Row:
    """A clip's features, shape (frames, mels); copy 0 is the clip as recorded."""

    id: str
    copy: int
    features: NDArray[np.float16]


@dataclass(frozen=True)
class Shard:
    """A file of a folder, by the hash of its bytes, and the number of rows in it."""

    sha256: str
    rows: int

    @property
    def file(self) -> str:
        """Its name."""
        return f"{self.sha256}.arrow"


@dataclass(frozen=True)
class Dropped:
    """A clip that has no features, and why."""

    id: str
    path: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """What a folder of features holds; its presence means that the folder is complete."""

    n_mels: int
    store: str | None
    shards: tuple[Shard, ...]
    dropped: tuple[Dropped, ...]

    def write(self, folder: Path) -> None:
        """Write it into `folder`."""
        content = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)
        (folder / MANIFEST).write_text(content + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Read what `Manifest.write` wrote.

    Raises:
        DataError: when there is none, or one of another format.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise OtherFormatError(f"{path}: written in format {values['format']}, this is format {FORMAT}; {REMEDY}")
        shards = tuple(Shard(**shard) for shard in values["shards"])
        dropped = tuple(Dropped(**clip) for clip in values["dropped"])
        return Manifest(values["n_mels"], values["store"], shards, dropped)
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; run `dvc repro`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: can't be read; {REMEDY}") from error


def to_bytes(rows: Sequence[Row]) -> bytes:
    """A shard's file; equal rows give equal bytes."""
    # Columns from buffers: pa.array would import pandas first, half a second in every worker.
    values = np.concatenate([np.zeros(0, np.float16), *(row.features.ravel() for row in rows)])
    flat = pa.Array.from_buffers(pa.float16(), len(values), [None, pa.py_buffer(values)])
    ids = [row.id.encode() for row in rows]
    columns = [
        pa.Array.from_buffers(pa.string(), len(rows), [None, _offsets([len(id_) for id_ in ids]), pa.py_buffer(b"".join(ids))]),
        pa.Array.from_buffers(pa.int32(), len(rows), [None, pa.py_buffer(np.array([row.copy for row in rows], np.int32))]),
        pa.Array.from_buffers(
            SCHEMA.field("log_mel").type, len(rows), [None, _offsets([row.features.size for row in rows])], children=[flat]
        ),
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_batch(pa.record_batch(columns, schema=SCHEMA))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _offsets(lengths: Sequence[int]) -> pa.Buffer:
    return pa.py_buffer(np.cumsum([0, *lengths], dtype=np.int32))


class Features:
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
        self._places: list[tuple[pa.ListArray, int]] = []
        with ThreadPoolExecutor(READERS) as pool:
            paths = list(pool.map(lambda shard: _checked(shard, folder, manifest.store, cache), manifest.shards))
        for path in paths:
            batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
            self.ids.extend(batch.column("id").to_pylist())
            self.copies.extend(batch.column("copy").to_pylist())
            self._places.extend((batch.column("log_mel"), row) for row in range(batch.num_rows))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: int) -> NDArray[np.float16]:
        column, row = self._places[position]
        frames: NDArray[np.float16] = column[row].values.to_numpy(zero_copy_only=True)
        return frames.reshape(-1, self.n_mels)


def _checked(shard: Shard, folder: Path, store: str | None, cache: Path) -> Path:
    """The file of a shard whose bytes are right; DVC takes a damaged one for up to date when its times are (dvc#5978)."""
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
