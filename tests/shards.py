"""Folders of features written by hand, for tests that read them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr.shards.format import Dropped, Manifest, Shard, StoredClip, to_bytes
from asr.shards.reader import StoredFeatures


def stored(
    folder: Path, ids: Sequence[str], features: Sequence[NDArray[np.float16]], dropped: tuple[Dropped, ...] = ()
) -> StoredFeatures:
    """One shard of clips as recorded, written and read back."""
    folder.mkdir(parents=True)
    content = to_bytes([StoredClip(clip, 0, frames) for clip, frames in zip(ids, features, strict=True)])
    shard = Shard(hashlib.sha256(content).hexdigest(), len(ids))
    (folder / shard.file).write_bytes(content)
    Manifest(features[0].shape[1], None, (shard,), dropped).write(folder)
    return StoredFeatures(folder, folder / "no cache")
