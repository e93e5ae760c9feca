"""Shards: log-mel features in Arrow files, read back memory-mapped.

A folder holds numbered Arrow IPC files and `manifest.json`. A row is a clip: its id and its frames as one flat list of
float16, frame by frame. There is no text in it and no token, so no transcript and no model can make it stale.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from asr.errors import DataError

FORMAT = 1
MANIFEST = "manifest.json"
SCHEMA = pa.schema([pa.field("id", pa.string()), pa.field("log_mel", pa.list_(pa.float16()))])


@dataclass(frozen=True)
class Shard:
    """One file of a folder and the number of clips in it."""

    file: str
    clips: int


@dataclass(frozen=True)
class Dropped:
    """A clip that has no features, and why."""

    id: str
    path: str
    reason: str


def write_shard(path: Path, ids: Sequence[str], features: Sequence[NDArray[np.float16]]) -> None:
    """Write clips' features, each of shape (frames, mels); the file appears under its name only when it is whole."""
    lengths = [clip.size for clip in features]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    values = pa.array(np.concatenate([np.zeros(0, np.float16), *(clip.ravel() for clip in features)]))
    batch = pa.record_batch([pa.array(ids, pa.string()), pa.ListArray.from_arrays(offsets, values)], schema=SCHEMA)
    unfinished = path.with_name(path.name + ".tmp")
    with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_batch(batch)
    unfinished.replace(path)


def write_manifest(folder: Path, n_mels: int, shards: Sequence[Shard], dropped: Sequence[Dropped]) -> None:
    """Write what the folder holds; its presence means that the folder is complete."""
    manifest = {
        "format": FORMAT,
        "n_mels": n_mels,
        "shards": [asdict(shard) for shard in shards],
        "dropped": [asdict(clip) for clip in dropped],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


class Features:
    """A folder of shards as one list of clips, each a float16 view of shape (frames, mels) into the mapped file."""

    def __init__(self, folder: Path) -> None:
        """Map the folder's shards.

        Raises:
            DataError: when the folder is incomplete or of another format.
        """
        rebuild = f"remove {folder} and run `dvc repro`"
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{folder / MANIFEST}: can't be read; {rebuild}") from error
        if manifest["format"] != FORMAT:
            raise DataError(f"{folder}: written in format {manifest['format']}, this is format {FORMAT}; {rebuild}")
        self.folder = folder
        self.n_mels: int = manifest["n_mels"]
        self.dropped = [Dropped(**clip) for clip in manifest["dropped"]]
        self.ids: list[str] = []
        self._places: list[tuple[pa.ListArray, int]] = []
        for shard in manifest["shards"]:
            try:
                batch = pa.ipc.open_file(pa.memory_map(str(folder / shard["file"]))).get_batch(0)
            except (OSError, pa.ArrowInvalid) as error:
                raise DataError(f"{folder / shard['file']}: can't be read ({error}); {rebuild}") from error
            self.ids.extend(batch.column("id").to_pylist())
            self._places.extend((batch.column("log_mel"), row) for row in range(batch.num_rows))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: int) -> NDArray[np.float16]:
        column, row = self._places[position]
        frames: NDArray[np.float16] = column[row].values.to_numpy(zero_copy_only=True)
        return frames.reshape(-1, self.n_mels)
