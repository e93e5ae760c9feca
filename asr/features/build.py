"""Features: from a list of clips to a folder of shards, computing only the clips that are in no shard of the store yet.

What is written is a function of the clips, the settings and the code alone, whatever the store held and however many workers
there were. The unit of work is the clip, the unit of storage the shard: where a list has changed, shards are put together anew,
of rows that are copied.
"""

import hashlib
import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asr.base.entries import AudioEntry
from asr.base.errors import DataError
from asr.base.progress import track
from asr.features.chunks import Chunk, Keyed, cut
from asr.features.clip import Variants
from asr.features.index import Index
from asr.features.making import Job, Origin, Task, Wanted, make_shards, naming
from asr.features.parameters import Features
from asr.jobs.run import run_jobs
from asr.jobs.work import Work
from asr.machine.engine import Engine
from asr.shards.bucket import Store
from asr.shards.format import Dropped, Manifest, Shard
from asr.shards.records import Record
from asr.shards.store import FolderStore, open_store


@dataclass(frozen=True)
class _Done:
    """What became of a chunk; `computed` of its clips were in no shard."""

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
    cache = place.resolve()
    store = open_store(settings.store or cache)
    store.require_answer()
    origin = Origin.here(settings, variants)
    chunks = enumerate(cut((Keyed(key_of(clip), clip) for clip in clips), len(variants.copies)))
    told = track(
        _finish(chunks, origin, store, cache, engine), count, f"features of {folder.name}", size=lambda done: done.clips
    )
    in_order = sorted(told, key=lambda done: done.place)
    dropped = tuple(clip for done in in_order for clip in done.dropped)
    shards = tuple(done.shard for done in in_order if done.shard.rows)
    if dropped and not shards:
        raise DataError(f"no clip of {folder.name} has features (the first: {dropped[0].path}, {dropped[0].reason})")
    if isinstance(store, FolderStore):
        for shard in shards:
            _link(store.shard(shard.sha256), folder / shard.file)
    Manifest(settings.n_mels, settings.store, shards, dropped).write(folder)
    computed = sum(done.computed for done in in_order)
    print(f"features of {folder.name}: {count} clips, {computed} computed, {len(dropped)} dropped", file=sys.stderr)
    for clip in dropped:
        print(f"  {clip.path}: dropped, {clip.reason}", file=sys.stderr)


def key_of(clip: AudioEntry) -> str:
    """What tells a clip from others, as a hash: its id, its file's bytes, its part of the file."""
    parts = [clip.id, clip.audio_hash, clip.start, clip.end, clip.channel]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _finish(chunks: Iterable[tuple[int, Chunk]], origin: Origin, store: Store, cache: Path, engine: Engine) -> Iterator[_Done]:
    """Yield every chunk once its shard is in the store, as they end."""
    found: deque[_Done] = deque()
    with naming(store):
        index = Index(store.records(origin.name))
    work = Work(partial(make_shards, origin=origin, store=store, cache=cache), _clips_apart, _path_of)
    for job, records in run_jobs(work, _by_file(_missing(chunks, origin, store, index, found)), engine):
        for (place, wanted), record in zip(job, records, strict=True):
            if isinstance(store, FolderStore):
                _require_shared(store.shard(record.sha256))
            yield _done(place, [want.keyed for want in wanted], record, sum(want.found is None for want in wanted))
        while found:
            yield found.popleft()
    yield from found


def _missing(
    chunks: Iterable[tuple[int, Chunk]], origin: Origin, store: Store, index: Index, found: deque[_Done]
) -> Iterator[Task]:
    """The chunks whose shards are to be made; those that have one go to `found`."""
    used: set[str] = set()
    for place, chunk in chunks:
        record = index.chunk([keyed.key for keyed in chunk])
        wanted = () if record else tuple(Wanted(keyed, index.clip(keyed.key)) for keyed in chunk)
        names = {record.name} if record else {want.found.name for want in wanted if want.found}
        for name in names - used:
            store.note_use(origin.name, name)
        used |= names
        if record:
            found.append(_done(place, chunk, record, 0))
        else:
            yield place, wanted


def _by_file(tasks: Iterable[Task]) -> Iterator[Job]:
    job: list[Task] = []
    for place, wanted in tasks:
        if job and job[-1][1][-1].keyed.clip.path != wanted[0].keyed.clip.path:
            yield tuple(job)
            job = []
        job.append((place, wanted))
    if job:
        yield tuple(job)


def _done(place: int, chunk: Sequence[Keyed], record: Record, computed: int) -> _Done:
    dropped = tuple(
        Dropped(keyed.clip.id, keyed.clip.path, held.reason)
        for keyed, held in zip(chunk, record.clips, strict=True)
        if held.reason
    )
    return _Done(place, len(chunk), computed, Shard(record.sha256, record.rows), dropped)


def _clips_apart(job: Job) -> Iterator[Job]:
    return (((place, (want,)),) for place, wanted in job for want in wanted)


def _path_of(job: Job) -> str:
    return job[0][1][0].keyed.clip.path


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
