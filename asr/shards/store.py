"""Stores: where finished shards are kept, so that none is computed twice.

A shard is filed under the hash of its bytes. A record under a key, the hash of everything that determines the shard, says which
bytes those are; it is written last. A store only ever gains whole files, so any number of processes may share one, and one
that is killed leaves nothing that another could mistake for finished work.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from asr.base.errors import DataError

SHARDS, RECORDS = "shards", "records"

UNFINISHED = ".unfinished-"


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

    @property
    def place(self) -> str:
        """The store's name in messages."""

    def require_answer(self) -> None:
        """Try the store before there is work to lose.

        Raises:
            DataError: when it can't be used.
        """

    def ask(self, key: str) -> Record | None:
        """Look up the record under `key`. A folder finds none: its driver looks before it gives a worker the job."""

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
    """A folder, whose shards can be linked into an output: one file, under two names. `asr.features.index` has its records."""

    folder: Path

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def require_answer(self) -> None:
        """See Store."""
        try:
            (self.folder / SHARDS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.folder}: {error.strerror}; set cache in machine.yaml to a folder of yours") from error

    def shard(self, sha256: str) -> Path:
        """Where a shard is, or would be."""
        return self.folder / SHARDS / f"{sha256}.arrow"

    def shards(self) -> list[Path]:
        """List the shards that are there."""
        return sorted((self.folder / SHARDS).glob("*.arrow"))

    def ask(self, key: str) -> Record | None:
        """See Store. The driver has an index of all records."""
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
        if not is_whole(path, sha256):
            write_whole(path, content)
        return path

    def read(self, sha256: str) -> bytes:
        """See Store."""
        return self.shard(sha256).read_bytes()

    def remove(self, sha256: str) -> None:
        """See Store."""
        self.shard(sha256).unlink(missing_ok=True)


@dataclass(frozen=True)
class ObjectStore:
    """A bucket, or whatever else fsspec reaches. Its objects appear whole or not at all."""

    url: str

    @property
    def place(self) -> str:
        """The address."""
        return self.url

    def require_answer(self) -> None:
        """See Store."""
        try:
            files, root = self._open()
            if isinstance(files, LocalFileSystem):
                raise DataError(f"features.store {self.url} is a folder: leave it null, and set cache in machine.yaml")
            files.pipe_file(f"{root}/{RECORDS}/probe", b"can be written")
        except DataError:
            raise
        except ImportError as error:
            raise DataError(f"features.store {self.url}: {error} (requirements-cluster.txt has S3's)") from error
        except Exception as error:  # every kind of store has its own
            raise DataError(f"features.store {self.url}: {error}; check the address, the rights and the network") from error

    def ask(self, key: str) -> Record | None:
        """See Store."""
        files, root = self._open()
        try:
            record = to_record(json.loads(files.cat_file(f"{root}/{RECORDS}/{key}.json")))
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


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(path: Path, sha256: str) -> bool:
    """Whether a file can be read and has the bytes that it should."""
    try:
        return hash_file(path) == sha256
    except OSError:
        return False


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is whole."""
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


def to_record(values: dict[str, Any]) -> Record:
    """Make a record of what JSON holds."""
    return Record(**{**values, "dropped": tuple((clip, reason) for clip, reason in values["dropped"])})
