"""Stores: where finished shards are kept, so that none is computed twice.

A shard is filed under the hash of its bytes. A record, filed under the hash of everything that determines the shard, says
which bytes those are; it is written last. A store only ever gains whole files, so any number of processes may share one, and
one that is killed leaves nothing that another could mistake for finished work.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol
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
    """A place for shards."""

    @property
    def place(self) -> str:
        """What to call it in a message."""

    def find(self, key: str) -> Record | None:
        """The record filed under `key`, if its shard is there and unharmed."""

    def keep(self, key: str, content: bytes, rows: int, dropped: tuple[tuple[str, str], ...]) -> Record:
        """File a shard, and its record under `key`."""

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
    """A folder, whose shards can be linked into an output: one file on the disk, under two names."""

    folder: Path

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def shard(self, sha256: str) -> Path:
        """Where a shard is, or would be."""
        return self.folder / SHARDS / f"{sha256}.arrow"

    def shards(self) -> list[Path]:
        """All of them."""
        return sorted((self.folder / SHARDS).glob("*.arrow"))

    def sweep(self) -> None:
        """Remove records of shards that are gone, and what processes that were killed have left unfinished."""
        there = {path.stem for path in self.shards()}
        for path in (self.folder / RECORDS).glob("*.json"):
            if _parse(path.read_bytes()).sha256 not in there:
                path.unlink()
        for path in self.folder.glob(f"*/{UNFINISHED}*"):
            if time.time() - path.stat().st_mtime > SECONDS_TO_FINISH:
                path.unlink()

    def find(self, key: str) -> Record | None:
        """See Store. A file that was changed since it was filed is read and checked; what is not right any more is removed."""
        try:
            record = _parse(self._record(key).read_bytes())
            state = self.shard(record.sha256).stat()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if (state.st_size, state.st_mtime_ns) == (record.size, record.modified_ns):
            return record
        if hash_file(self.shard(record.sha256)) != record.sha256:
            self.remove(record.sha256)
            return None
        return self._file(key, replace(record, modified_ns=state.st_mtime_ns))

    def keep(self, key: str, content: bytes, rows: int, dropped: tuple[tuple[str, str], ...]) -> Record:
        """See Store."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.shard(sha256)
        # What is there already may be linked into outputs and DVC's cache: a second copy would take its room again.
        if not path.exists() or hash_file(path) != sha256:
            _write_whole(path, content)
        return self._file(key, Record(sha256, len(content), rows, dropped, path.stat().st_mtime_ns))

    def add(self, sha256: str, content: bytes) -> Path:
        """File a shard that came from another store, without a record."""
        _write_whole(self.shard(sha256), content)
        return self.shard(sha256)

    def read(self, sha256: str) -> bytes:
        """See Store."""
        return self.shard(sha256).read_bytes()

    def remove(self, sha256: str) -> None:
        """See Store."""
        self.shard(sha256).unlink(missing_ok=True)

    def _record(self, key: str) -> Path:
        return self.folder / RECORDS / f"{key}.json"

    def _file(self, key: str, record: Record) -> Record:
        _write_whole(self._record(key), _dump(record))
        return record


@dataclass(frozen=True)
class ObjectStore:
    """A bucket, or whatever else fsspec reaches. Its objects appear whole or not at all."""

    url: str

    @property
    def place(self) -> str:
        """The address."""
        return self.url

    def find(self, key: str) -> Record | None:
        """See Store."""
        files, root = self._open()
        try:
            record = _parse(files.cat_file(f"{root}/{RECORDS}/{key}.json"))
            there = files.size(f"{root}/{SHARDS}/{record.sha256}.arrow") == record.size
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return record if there else None

    def keep(self, key: str, content: bytes, rows: int, dropped: tuple[tuple[str, str], ...]) -> Record:
        """See Store."""
        files, root = self._open()
        record = Record(hashlib.sha256(content).hexdigest(), len(content), rows, dropped)
        files.pipe_file(f"{root}/{SHARDS}/{record.sha256}.arrow", content)
        files.pipe_file(f"{root}/{RECORDS}/{key}.json", _dump(record))
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


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{UNFINISHED}{uuid4().hex}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:  # a full disk
        unfinished.unlink(missing_ok=True)
        raise


def _dump(record: Record) -> bytes:
    return json.dumps(asdict(record)).encode()


def _parse(content: bytes) -> Record:
    values = json.loads(content)
    return Record(**{**values, "dropped": tuple((clip, reason) for clip, reason in values["dropped"])})
