"""Shards: log-mel features in Arrow files, checked once and read memory-mapped.

A folder of features holds `manifest.json` and the shards that it lists, each an Arrow IPC file named by the SHA-256 of its
bytes. A row is a clip, or a changed copy of one: the clip's id, the copy's number and its frames as one flat list of float16,
frame by frame. There is no text in it and no token, so no transcript and no model can make it stale. When the manifest names
a store, the shards are there instead, and are fetched when they are read.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr.base.errors import DataError

FORMAT = 2
MANIFEST = "manifest.json"
REMEDY = "run `make repair`"


class OtherFormatError(DataError):
    """A folder that another version of this project wrote."""


@dataclass(frozen=True)
class StoredClip:
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
        """The file's name."""
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
        """Write the manifest into `folder`."""
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


def to_bytes(rows: Sequence[StoredClip]) -> bytes:
    """Make a shard's file; equal rows give equal bytes."""
    import pyarrow as pa  # here, as a manifest needs none of it

    def offsets(lengths: Sequence[int]) -> pa.Buffer:
        return pa.py_buffer(np.cumsum([0, *lengths], dtype=np.int32))

    schema = pa.schema([pa.field("id", pa.string()), pa.field("copy", pa.int32()), pa.field("log_mel", pa.list_(pa.float16()))])
    # Columns from buffers: pa.array would import pandas first, half a second in every worker.
    values = np.concatenate([np.zeros(0, np.float16), *(row.features.ravel() for row in rows)])
    flat = pa.Array.from_buffers(pa.float16(), len(values), [None, pa.py_buffer(values)])
    ids = [row.id.encode() for row in rows]
    columns = [
        pa.Array.from_buffers(pa.string(), len(rows), [None, offsets([len(id_) for id_ in ids]), pa.py_buffer(b"".join(ids))]),
        pa.Array.from_buffers(pa.int32(), len(rows), [None, pa.py_buffer(np.array([row.copy for row in rows], np.int32))]),
        pa.Array.from_buffers(
            schema.field("log_mel").type, len(rows), [None, offsets([row.features.size for row in rows])], children=[flat]
        ),
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    content: bytes = sink.getvalue().to_pybytes()
    return content
