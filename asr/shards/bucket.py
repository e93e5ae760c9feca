"""The bucket: a store of shards in S3, or whatever else fsspec reaches."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from asr.base.errors import DataError
from asr.shards.records import Held, Record, to_json, to_record
from asr.shards.store import RECORDS, SHARDS, FolderStore


@dataclass(frozen=True)
class ObjectStore:
    """A bucket, or whatever else fsspec reaches. Its objects appear whole or not at all."""

    url: str

    @property
    def place(self) -> str:
        """See FolderStore."""
        return self.url

    def require_answer(self) -> None:
        """See FolderStore."""
        try:
            files, root = self._open()
            if isinstance(files, LocalFileSystem):
                raise DataError(f"features.store {self.url} is a folder: leave it null, and set cache in machine.yaml")
            files.pipe_file(f"{root}/probe", b"can be written")
        except DataError:
            raise
        except ImportError as error:
            raise DataError(f"features.store {self.url}: {error} (requirements-cluster.txt has S3's)") from error
        except Exception as error:  # every kind of store has its own
            raise DataError(f"features.store {self.url}: {error}; check the address, the rights and the network") from error

    def records(self, origin: str) -> Iterator[Record]:
        """See FolderStore."""
        files, root = self._open()
        names = files.find(f"{root}/{RECORDS}/{origin}")
        shards = files.find(f"{root}/{SHARDS}", detail=True) if names else {}
        sizes = {Path(name).stem: found["size"] for name, found in shards.items()}
        for content in files.cat(names, on_error="return").values() if names else ():
            if isinstance(content, FileNotFoundError):
                continue  # removed meanwhile
            if isinstance(content, Exception):
                raise content
            record = to_record(content)
            if record is not None and sizes.get(record.sha256) == record.size:
                yield record

    def keep(self, origin: str, content: bytes, clips: Sequence[Held]) -> Record:
        """See FolderStore."""
        files, root = self._open()
        record = Record(hashlib.sha256(content).hexdigest(), len(content), tuple(clips))
        files.pipe_file(f"{root}/{SHARDS}/{record.sha256}.arrow", content)
        files.pipe_file(f"{root}/{RECORDS}/{origin}/{record.name}.json", to_json(record))
        return record

    def note_use(self, origin: str, name: str) -> None:
        """Do nothing: what goes from a bucket, its own rules say."""

    def read(self, sha256: str) -> bytes:
        """See FolderStore."""
        files, root = self._open()
        content: bytes = files.cat_file(f"{root}/{SHARDS}/{sha256}.arrow")
        return content

    def remove(self, sha256: str) -> None:
        """See FolderStore."""
        files, root = self._open()
        files.rm_file(f"{root}/{SHARDS}/{sha256}.arrow")

    def _open(self) -> tuple[fsspec.AbstractFileSystem, str]:
        # What one process lists must not hide what another has written since.
        files, root = fsspec.url_to_fs(self.url, use_listings_cache=False)
        return files, root


Store = FolderStore | ObjectStore
