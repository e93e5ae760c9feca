"""The index of a FolderStore: which shard has been made of what."""

import json
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from asr.shards.store import RECORDS, UNFINISHED, FolderStore, Record, is_whole, to_record, write_whole

SECONDS_TO_FINISH = 3600


class Index:
    """The records of a FolderStore. Each driver writes a file of its own, a line a record, so that none waits for another."""

    def __init__(self, store: FolderStore) -> None:
        """Read what every driver has written; a line that was not finished is no record."""
        self.store = store
        self._folder = store.folder / RECORDS
        self._files = sorted(self._folder.glob("*.jsonl"))
        self._known: dict[str, Record] = {}
        self._log: TextIO | None = None
        for file in self._files:
            with suppress(FileNotFoundError):  # swept meanwhile
                self._read(file)

    def _read(self, file: Path) -> None:
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
        path = self.store.shard(record.sha256)
        try:
            state = path.stat()
        except FileNotFoundError:
            return None
        if (state.st_size, state.st_mtime_ns) == (record.size, record.modified_ns):
            return record
        if not is_whole(path, record.sha256):
            self.store.remove(record.sha256)
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
        """End this driver's file; nothing more will be added."""
        if self._log is not None:
            self._log.close()

    def sweep(self) -> None:
        """Gather the records of the shards that are there into one file, and remove what killed processes left unfinished.

        What was touched within the hour is left alone, as its process may still be at work.
        """
        there = {path.stem for path in self.store.shards()}
        lines = [json.dumps([key, asdict(record)]) for key, record in self._known.items() if record.sha256 in there]
        if self._files:
            write_whole(self._folder / _new_name(), "".join(f"{line}\n" for line in lines).encode())
        for path in [*self._files, *self.store.folder.glob(f"*/{UNFINISHED}*")]:
            with suppress(FileNotFoundError):  # another process was faster
                if time.time() - path.stat().st_mtime > SECONDS_TO_FINISH:
                    path.unlink()


def _new_name() -> str:
    """Name a file so that names sort by time, as a later record of a key goes before an earlier one."""
    return f"{time.time_ns()}-{uuid4().hex}.jsonl"


def _parse_keyed(line: bytes) -> tuple[str, Record]:
    key, values = json.loads(line)
    return key, to_record(values)
