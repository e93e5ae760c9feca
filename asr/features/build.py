"""Features: from a list of clips to a folder of shards, computing only the shards that no store has yet.

What is written is a function of the clips, the settings and the code alone, whatever the store held and however many workers
there were.
"""

import hashlib
import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType

import asr.features.clip
import asr.features.logmel
import asr.features.waveform
import asr.shards.format
import asr.shards.frames
from asr.audio import decoding, ffmpeg, libsndfile, mono, mp3, ogg, parts, recording, wav
from asr.base.entries import WHOLE, AudioEntry, View
from asr.base.errors import DataError
from asr.base.hashes import code_version, files_of
from asr.base.progress import track
from asr.features.chunks import cut
from asr.features.clip import Variants, chunk_rows
from asr.features.index import Index
from asr.features.parameters import Features
from asr.jobs.run import run_jobs
from asr.jobs.work import Work
from asr.machine.engine import Engine
from asr.shards.format import Dropped, Manifest, Shard, to_bytes
from asr.shards.store import FolderStore, Record, Store, open_store

MODULES: tuple[ModuleType, ...] = (
    *(decoding, ffmpeg, libsndfile, mono, mp3, ogg, parts, recording, wav),
    asr.features.waveform,
    asr.features.logmel,
    asr.features.clip,
    asr.shards.format,
    asr.shards.frames,
)
"""The code whose text decides the bytes of a shard."""

PACKAGES = ("av", "librosa", "numpy", "pyarrow", "scipy", "soundfile", "soxr")

CLIPS_PER_JOB = 64
"""Small chunks go to a worker together, at least this many clips at a time."""

Chunk = tuple[AudioEntry, ...]
Job = tuple[tuple[int, Chunk], ...]
"""Chunks with their places in the list."""


@dataclass(frozen=True)
class Origin:
    """All that a shard's bytes depend on but its clips."""

    settings: Features
    variants: Variants
    version: str

    def key(self, chunk: Chunk) -> str:
        """The name of a chunk's shard before it is made."""
        clips = [[clip.id, clip.audio_hash, *_part(clip.view)] for clip in chunk]
        settings = self.settings.model_dump(exclude={"store"})
        parts = [self.version, settings, self.variants.copies, self.variants.content, clips]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class _Done:
    """What became of a chunk; `computed` clips are those that the store had no shard of."""

    place: int
    clips: int
    computed: int
    shard: Shard
    dropped: tuple[Dropped, ...]


def build_features(
    clips: Iterable[AudioEntry], count: int, folder: Path, settings: Features, variants: Variants, place: Path, engine: Engine
) -> None:
    """Write the features of `clips`, in their order, to `folder`.

    Args:
        clips: whose audio is read; it must be what was validated. Read one by one, and not kept.
        count: how many they are, for the progress.
        folder: created; has to be empty.
        settings: the parameters of the features.
        variants: what is stored of each clip.
        place: where finished shards are kept and found again, unless the settings name a store.
        engine: where the work is done.

    Raises:
        DataError: when a file has changed since it was validated, when no clip has features, or when the store can't be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.store or place.resolve())
    store.require_answer()
    origin = Origin(settings, variants, feature_version())
    index = Index(store) if isinstance(store, FolderStore) else None
    chunks = enumerate(cut(clips, len(variants.copies)))
    ended = _finish(chunks, origin, store, index, engine)
    told = track(ended, count, f"features of {folder.name}", size=lambda done: done.clips)
    in_order = sorted(told, key=lambda done: done.place)
    dropped = tuple(clip for done in in_order for clip in done.dropped)
    shards = tuple(done.shard for done in in_order if done.shard.rows)
    if dropped and not shards:
        raise DataError(f"no clip of {folder.name} has features (the first: {dropped[0].path}, {dropped[0].reason})")
    if index is not None:
        index.close()
        for shard in shards:
            _link(index.store.shard(shard.sha256), folder / shard.file)
    Manifest(settings.n_mels, settings.store, shards, dropped).write(folder)
    computed = sum(done.computed for done in in_order)
    print(f"features of {folder.name}: {count} clips, {computed} computed, {len(dropped)} dropped", file=sys.stderr)
    for clip in dropped:
        print(f"  {clip.path}: dropped, {clip.reason}", file=sys.stderr)


def _finish(
    chunks: Iterable[tuple[int, Chunk]], origin: Origin, store: Store, index: Index | None, engine: Engine
) -> Iterator[_Done]:
    """Yield every chunk once its shard is in the store, as they end."""
    found: deque[_Done] = deque()
    work = Work(partial(make_shards, origin=origin, store=store), _clips_apart, _path_of)
    for job, records in run_jobs(work, _group(_missing(chunks, origin, index, found)), engine):
        for (place, chunk), (record, is_new) in zip(job, records, strict=True):
            if index is not None:
                _require_shared(index.store.shard(record.sha256))
                index.add(origin.key(chunk), record)
            yield _done(place, chunk, record, is_new)
        while found:
            yield found.popleft()
    yield from found


def _missing(
    chunks: Iterable[tuple[int, Chunk]], origin: Origin, index: Index | None, found: deque[_Done]
) -> Iterator[tuple[int, Chunk]]:
    """The chunks to compute; those whose shards are there go to `found`.

    A folder has an index. An object store takes its time to answer, so there the workers ask, side by side.
    """
    for place, chunk in chunks:
        record = index.find(origin.key(chunk)) if index is not None else None
        if record is None:
            yield place, chunk
        else:
            found.append(_done(place, chunk, record, is_new=False))


def _group(chunks: Iterable[tuple[int, Chunk]]) -> Iterator[Job]:
    job: list[tuple[int, Chunk]] = []
    for numbered in chunks:
        job.append(numbered)
        if sum(len(clips) for _, clips in job) >= CLIPS_PER_JOB:
            yield tuple(job)
            job = []
    if job:
        yield tuple(job)


def _done(place: int, chunk: Chunk, record: Record, is_new: bool) -> _Done:
    paths = {clip.id: clip.path for clip in chunk}
    dropped = tuple(Dropped(clip, paths[clip], reason) for clip, reason in record.dropped)
    return _Done(place, len(chunk), is_new * len(chunk), Shard(record.sha256, record.rows), dropped)


def make_shards(job: Job, origin: Origin, store: Store) -> list[tuple[Record, bool]]:
    """See that the shard of each chunk is in the store, as workers do; gives the records, and whether each is new.

    Raises:
        DataError: when the code here is not the driver's, when a file has changed, or when the store can't be used.
    """
    if origin.version != feature_version():
        raise DataError("a worker has other code or other packages than the stage; bring all nodes up to date, and run again")
    keys = [origin.key(chunk) for _, chunk in job]
    with _naming(store):
        records = [store.ask(key) for key in keys]
    missing = [chunk for (_, chunk), record in zip(job, records, strict=True) if record is None]
    rows_of_missing = chunk_rows(missing, origin.settings, origin.variants)
    ended = []
    for key, record in zip(keys, records, strict=True):
        if record is None:
            rows, dropped = next(rows_of_missing)
            with _naming(store):
                ended.append((store.keep(key, to_bytes(rows), len(rows), dropped), True))
        else:
            ended.append((record, False))
    return ended


def _part(view: View) -> list[float | None]:
    """What tells a part of a file from the others; nothing for a whole file, so that its shard keeps its name."""
    return [] if view == WHOLE else [view.start, view.end, view.channel]


@contextmanager
def _naming(store: Store) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # every kind of store has its own
        raise DataError(
            f"{store.place}: {type(error).__name__}: {error}; check the room, the rights and the network"
        ) from error


@cache
def feature_version() -> str:
    """The version of the code that decides a shard's bytes, as it is in this process."""
    return code_version(files_of(MODULES), PACKAGES)


def _clips_apart(job: Job) -> Iterator[Job]:
    return (((place, (clip,)),) for place, chunk in job for clip in chunk)


def _path_of(job: Job) -> str:
    return job[0][1][0].path


def _require_shared(shard: Path) -> None:
    if not shard.exists():
        raise DataError(f"{shard}: a worker wrote it, and it is not here; `cache` must be on a disk that all nodes share")


def _link(shard: Path, name: Path) -> None:
    """Give a shard its name in the output: one file on the disk where both are on one file system, or a copy."""
    try:
        os.link(shard, name)
    except FileNotFoundError as error:
        raise DataError(f"{shard}: gone since it was found; was the cache pruned meanwhile? Run `dvc repro` again") from error
    except OSError:
        shutil.copyfile(shard, name)
