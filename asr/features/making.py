"""Making: what a worker does to put the shards of some chunks together."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import asr.features.clip
import asr.features.logmel
import asr.shards.format
import asr.shards.frames
from asr.audio import decoding, ffmpeg, joined, libsndfile, mono, mp3, parts, recording, wav, waveform
from asr.base.errors import DataError
from asr.base.hashes import code_version, files_of
from asr.features.chunks import Keyed
from asr.features.clip import Copies, Unusable, Variants, features_of
from asr.features.index import Found
from asr.features.parameters import Features
from asr.shards.bucket import Store
from asr.shards.format import Shard, StoredClip, to_bytes
from asr.shards.reader import checked, mapped
from asr.shards.records import Held, Record
from asr.shards.store import FolderStore

MODULES: tuple[ModuleType, ...] = (
    sys.modules[__name__],
    *(decoding, ffmpeg, joined, libsndfile, mono, mp3, parts, recording, wav, waveform),
    asr.features.logmel,
    asr.features.clip,
    asr.shards.format,
    asr.shards.frames,
)
"""The code whose text decides the bytes of a shard."""

PACKAGES = ("av", "librosa", "numpy", "pyarrow", "scipy", "soundfile", "soxr")

Task = tuple[int, tuple["Wanted", ...]]
"""A chunk whose shard is to be made, with its place in the list of chunks."""

Job = tuple[Task, ...]
"""Several where a file goes on from one to the next, so that it is read once."""


@dataclass(frozen=True)
class Origin:
    """All that a clip's features depend on but the clip."""

    settings: Features
    variants: Variants
    version: str

    @classmethod
    def here(cls, settings: Features, variants: Variants) -> "Origin":
        """That of features which this process makes."""
        return cls(settings, variants, feature_version(variants.modules, variants.packages))

    @cached_property
    def name(self) -> str:
        """The name under which what was made so is found again."""
        settings = self.settings.model_dump(exclude={"store"})
        parts = [self.version, settings, self.variants.copies, self.variants.content]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class Wanted(NamedTuple):
    """A clip, and where its features are already."""

    keyed: Keyed
    found: Found | None


def make_shards(job: Job, origin: Origin, store: Store, cache: Path) -> list[Record]:
    """Put the shard of each chunk together, as workers do: what is in other shards is copied, and the rest computed.

    Raises:
        DataError: when the code here is not the driver's, when a file has changed, or when the store can't be used.
    """
    if origin.version != Origin.here(origin.settings, origin.variants).version:
        raise DataError("a worker has other code or other packages than the stage; bring all nodes up to date, and run again")
    missing = [want.keyed.clip for _, wanted in job for want in wanted if want.found is None]
    computed = features_of(missing, origin.settings, origin.variants)
    return [_make_shard(wanted, computed, origin, store, cache) for _, wanted in job]


def _make_shard(
    wanted: Iterable[Wanted], computed: Iterator[Copies | Unusable], origin: Origin, store: Store, cache: Path
) -> Record:
    rows: list[StoredClip] = []
    held: list[Held] = []
    for (key, clip), found in wanted:
        features = next(computed) if found is None else _copied(found, origin.settings, cache)
        if isinstance(features, Unusable):
            held.append(Held(key, 0, features.reason, features.again))
        else:
            held.append(Held(key, len(features)))
            rows.extend(StoredClip(clip.id, copy, each) for copy, each in zip(origin.variants.copies, features, strict=True))
    with naming(store):
        return store.keep(origin.name, to_bytes(rows), held)


@contextmanager
def naming(store: Store) -> Iterator[None]:
    """Say of a failure which store it is; every kind has errors of its own."""
    try:
        yield
    except Exception as error:
        raise DataError(
            f"{store.place}: {type(error).__name__}: {error}; check the room, the rights and the network"
        ) from error


def _copied(found: Found, settings: Features, cache: Path) -> Copies | Unusable:
    if found.reason:
        return Unusable(found.reason)
    path = _source(found.sha256, found.modified_ns, settings, cache)
    shard = mapped(path, settings.n_mels, found.modified_ns)
    return [shard[row] for row in range(found.first, found.first + found.rows)]


@cache
def _source(sha256: str, modified_ns: int | None, settings: Features, folder: Path) -> Path:
    """Find a shard to copy from, and check it once; one that has another time is another file."""
    return checked(Shard(sha256, 0), FolderStore(folder).shard(sha256).parent, settings.store, folder)


@cache
def feature_version(modules: tuple[str, ...] = (), packages: tuple[str, ...] = ()) -> str:
    """The version of the code that decides a shard's bytes, as it is in this process; `modules` and `packages` change clips."""
    others = [import_module(module) for module in modules]
    return code_version(files_of([*MODULES, *others]), [*PACKAGES, *packages])
