"""Stores: where finished shards are kept, so that none is computed twice.

A shard is filed under the hash of its bytes. Its record, which is written last, says which clips it holds and in what way they
were made. A store only ever gains whole files, so any number of processes may share one, and one that is killed leaves nothing
that another could mistake for finished work.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from asr.base.errors import DataError
from asr.base.files import UNFINISHED, write_whole
from asr.shards.records import Held, Record, to_json, to_record

if TYPE_CHECKING:
    from asr.shards.bucket import ObjectStore

SHARDS, RECORDS = "shards", "records"

SECONDS_TO_FINISH = 3600
SECONDS_A_DAY = 86_400


def open_store(place: str | Path) -> "FolderStore | ObjectStore":
    """The store at `place`: a folder, or an address that fsspec knows, such as s3://bucket/folder."""
    if isinstance(place, str) and "://" in place:
        from asr.shards.bucket import ObjectStore  # here, as a folder needs none of it

        return ObjectStore(place.rstrip("/"))
    return FolderStore(Path(place))


@dataclass(frozen=True)
class FolderStore:
    """A folder, whose shards can be linked into an output: one file, under two names.

    An origin is a name for the way in which features are made.
    """

    folder: Path

    @property
    def place(self) -> str:
        """The store's name in messages."""
        return str(self.folder)

    def require_answer(self) -> None:
        """Try the store before there is work to lose.

        Raises:
            DataError: when it can't be used.
        """
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

    def records(self, origin: str) -> Iterator[Record]:
        """Read the records of an origin, of shards that are there.

        A shard that was touched since is read and checked, and removed when it isn't right any more.
        """
        for _, record in self._files(f"{origin}/*.json"):
            if record is not None and (checked := self._checked(record)) is not None:
                if checked != record:
                    self._write(origin, checked)
                yield checked

    def _checked(self, record: Record) -> Record | None:
        path = self.shard(record.sha256)
        try:
            state = path.stat()
        except FileNotFoundError:
            return None
        if (state.st_size, state.st_mtime_ns) == (record.size, record.modified_ns):
            return record
        if is_whole(path, record.sha256):
            return replace(record, modified_ns=state.st_mtime_ns)
        self.remove(record.sha256)
        return None

    def keep(self, origin: str, content: bytes, clips: Sequence[Held]) -> Record:
        """File a shard, and then its record."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.add(sha256, content)
        record = Record(sha256, len(content), tuple(clips), path.stat().st_mtime_ns)
        self._write(origin, record)
        return record

    def note_use(self, origin: str, name: str) -> None:
        """Note that the shard of which a record has this name is wanted today.

        The record's time says it: a shard's own must stay, as DVC's cache has the same file by a hard link.
        """
        with suppress(OSError):  # pruned meanwhile, or another user's
            file = self._file(origin, name)
            if time.time() - file.stat().st_mtime > SECONDS_A_DAY:
                file.touch()

    def last_uses(self) -> dict[str, float]:
        """When each shard was last made or wanted, to the day, in seconds since 1970, by its SHA-256."""
        uses: dict[str, float] = {}
        for file, record in self._files("*/*.json"):
            if record is not None:
                uses[record.sha256] = max(file.stat().st_mtime, uses.get(record.sha256, 0.0))
        return uses

    def sweep(self) -> None:
        """Remove records of shards that are gone, and what killed processes left, unless one may still be writing it."""
        for file, record in self._files("*/*.json"):
            if record is None or not self.shard(record.sha256).exists():
                file.unlink(missing_ok=True)
        for path in self.folder.glob(f"**/{UNFINISHED}*"):
            with suppress(FileNotFoundError):  # another process was faster
                if time.time() - path.stat().st_mtime > SECONDS_TO_FINISH:
                    path.unlink()

    def _files(self, pattern: str) -> Iterator[tuple[Path, Record | None]]:
        """Read the files of records, in order; another process may remove some meanwhile."""
        for file in sorted((self.folder / RECORDS).glob(pattern)):
            with suppress(FileNotFoundError):
                yield file, to_record(file.read_bytes())

    def _file(self, origin: str, name: str) -> Path:
        return self.folder / RECORDS / origin / f"{name}.json"

    def _write(self, origin: str, record: Record) -> None:
        write_whole(self._file(origin, record.name), to_json(record))

    def add(self, sha256: str, content: bytes) -> Path:
        """File a shard under the name it is given."""
        path = self.shard(sha256)
        # What is there already may be linked into outputs and DVC's cache: a second copy would take its room again.
        if not is_whole(path, sha256):
            write_whole(path, content)
        return path

    def read(self, sha256: str) -> bytes:
        """A shard's bytes, unchecked.

        Raises:
            OSError: when it isn't there.
        """
        return self.shard(sha256).read_bytes()

    def remove(self, sha256: str) -> None:
        """Forget a shard; its records are worth nothing then."""
        self.shard(sha256).unlink(missing_ok=True)


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
