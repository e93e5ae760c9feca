"""Stores: where finished shards are kept, so that none is computed twice.

A shard is filed under the hash of its bytes. A record under a key, the hash of everything that determines the shard, says which
bytes those are; it is written last. A store only ever gains whole files, so any number of processes may share one, and one
that is killed leaves nothing that another could mistake for finished work.
"""

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TextIO
from uuid import uuid4

import fsspec

SHARDS, RECORDS = "shards", "records"

UNFINISHED = ".unfinished-"
SECONDS_TO_FINISH = 3600


@dataclass(frozen=True)
class Record:
    """What is known of a finished shard without opening it.

    `dropped` holds (clip id, reason) of the clips that it has no features of. `modified_ns` is the file's time when its bytes
    were last known to be right; None in an object store, which has checksums of its own.
    """

    sha256: str
    size: int
    rows: int
    dropped: tuple[tuple[str, str], ...]
    modified_ns: int | None = None


class Store(Protocol):
    """A place for shards, that workers write to."""

    def ask(self, key: str) -> Record | None:
        """The record under `key`, where a worker can learn of one that its driver could not."""

    def keep(self, key: str, content: bytes, rows: int, dropped: tuple[tuple[str, str], ...]) -> Record:
        """File a shard; what is returned is its record under `key`."""

    def read(self, sha256: str) -> bytes:
        """A shard's bytes, unchecked.

        Raises:
            OSError: when it isn't there.
        """

    def remove(self, sha256: str) -> None:
        """Forget a shard; its records are worth nothing then."""


def open_store(place: str | Path) -> Store:
    """The store at `place`: a folder, or an address that fsspec knows, such as s3://bucket/folder."""
    return ObjectStore(place.rstrip("/")) if isinstance(place, str) and "://" in place else FolderStore(Path(place))


@dataclass(frozen=True)
class FolderStore:
    """A folder, whose shards can be linked into an output: one file, under two names. `Index` has its records."""

    folder: Path

    def shard(self, sha256: str) -> Path:
        """Where a shard is, or would be."""
        return self.folder / SHARDS / f"{sha256}.arrow"

    def shards(self) -> list[Path]:
        """All of them."""
        return sorted((self.folder / SHARDS).glob("*.arrow"))

    def ask(self, key: str) -> Record | None:
        """See Store. The driver's index knows all."""
        return None

    def keep(self, key: str, content: bytes, rows: int, dropped: tuple[tuple[str, str], ...]) -> Record:
        """See Store."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.add(sha256, content)
        return Record(sha256, len(content), rows, dropped, path.stat().st_mtime_ns)

    def add(self, sha256: str, content: bytes) -> Path:
        """File a shard under the name it is given."""
        path = self.shard(sha256)
        # What is there already may be linked into outputs and DVC's cache: a second copy would take its room again.
        if not path.exists() or hash_file(path) != sha256:
            _write_whole(path, content)
        return path

    def read(self, sha256: str) -> bytes:
        """See Store."""
        return self.shard(sha256).read_bytes()

    def remove(self, sha256: str) -> None:
        """See Store."""
        self.shard(sha256).unlink(missing_ok=True)


class Index:
    """The records of a FolderStore. Each driver writes a file of its own, a line a record, so that none waits for another."""

    def __init__(self, store: FolderStore) -> None:
        """Read what every driver has written; a line that was not finished is no record."""
        self._store = store
        self._folder = store.folder / RECORDS
        self._files = sorted(self._folder.glob("*.jsonl"))
        self._known: dict[str, Record] = {}
        self._log: TextIO | None = None
        for file in self._files:
            for line in file.read_bytes().splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    self._known.update([_parse_keyed(line)])

    def find(self, key: str) -> Record | None:
        """The record under `key`, if its shard is there and unharmed.

        A shard that was touched since is read and checked, and removed when it isn't right any more.
        """
        record = self._known.get(key)
        if record is None:
            return None
        path = self._store.shard(record.sha256)
        try:
            state = path.stat()
        except FileNotFoundError:
            return None
        if (state.st_size, state.st_mtime_ns) == (record.size, record.modified_ns):
            return record
        if hash_file(path) != record.sha256:
            self._store.remove(record.sha256)
            return None
        record = replace(record, modified_ns=state.st_mtime_ns)
        self.add(key, record)
        return record

    def add(self, key: str, record: Record) -> None:
        """Write a record."""
        if self._log is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._log = (self._folder / _new_name()).open("w", encoding="utf-8", buffering=1)
        self._log.write(json.dumps([key, asdict(record)]) + "\n")
        self._known[key] = record

    def close(self) -> None:
        """Nothing more will be added."""
        if self._log is not None:
            self._log.close()

    def sweep(self) -> None:
        """Gather the records of the shards that are there into one file, and remove what killed processes left unfinished."""
        there = {path.stem for path in self._store.shards()}
        lines = [json.dumps([key, asdict(record)]) for key, record in self._known.items() if record.sha256 in there]
        if self._files:
            _write_whole(self._folder / _new_name(), "".join(f"{line}\n" for line in lines).encode())
        for file in self._files:
            file.unlink()
        for path in self._store.folder.glob(f"*/{UNFINISHED}*"):
            if time.time() - path.stat().st_mtime > SECONDS_TO_FINISH:
                path.unlink()


@dataclass(frozen=True)
class ObjectStore:
    """A bucket, or whatever else fsspec reaches. Its objects appear whole or not at all."""

    url: str

    def ask(self, key: str) -> Record | None:
        """See Store."""
        files, root = self._open()
        try:
            record = _record(json.loads(files.cat_file(f"{root}/{RECORDS}/{key}.json")))
            there = files.size(f"{root}/{SHARDS}/{record.sha256}.arrow") == record.size
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return record if there else None

    def keep(self, key: str, content: bytes, rows: int, dropped: tuple[tuple[str, str], ...]) -> Record:
        """See Store."""
        files, root = self._open()
        record = Record(hashlib.sha256(content).hexdigest(), len(content), rows, dropped)
        files.pipe_file(f"{root}/{SHARDS}/{record.sha256}.arrow", content)
        files.pipe_file(f"{root}/{RECORDS}/{key}.json", json.dumps(asdict(record)).encode())
        return record

    def read(self, sha256: str) -> bytes:
        """See Store."""
        files, root = self._open()
        content: bytes = files.cat_file(f"{root}/{SHARDS}/{sha256}.arrow")
        return content

    def remove(self, sha256: str) -> None:
        """See Store."""
        files, root = self._open()
        files.rm_file(f"{root}/{SHARDS}/{sha256}.arrow")

    def _open(self) -> tuple[fsspec.AbstractFileSystem, str]:
        # What one process lists must not hide what another has written since.
        files, root = fsspec.url_to_fs(self.url, use_listings_cache=False)
        return files, root


def _new_name() -> str:
    """In the order of time, as a later record of a key goes before an earlier one."""
    return f"{time.time_ns()}-{uuid4().hex}.jsonl"


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{UNFINISHED}{uuid4().hex}")
    try:
        try:
            unfinished.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:  # a full disk
        unfinished.unlink(missing_ok=True)
        raise


def _parse_keyed(line: bytes) -> tuple[str, Record]:
    key, values = json.loads(line)
    return key, _record(values)


def _record(values: dict[str, Any]) -> Record:
    return Record(**{**values, "dropped": tuple((clip, reason) for clip, reason in values["dropped"])})
