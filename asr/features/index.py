"""The index of a FolderStore: which shard has been made of what, and when it was last wanted."""

import json
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from asr.shards.store import RECORDS, UNFINISHED, FolderStore, Record, is_whole, to_record, write_whole

SECONDS_TO_FINISH = 3600
NANOSECONDS_A_DAY = 86_400 * 10**9


class Index:
    """The records of a FolderStore. Each driver writes a file of its own, a line a record, so that none waits for another.

    A file's name says when its driver began, and so when its shards were made or found: their own times must stay as they are,
    as DVC's cache has the same files by hard links.
    """

    def __init__(self, store: FolderStore) -> None:
        """Read what every driver has written; a line that was not finished is no record."""
        self.store = store
        self._folder = store.folder / RECORDS
        self._files = sorted(self._folder.glob("*.jsonl"))
        self._known: dict[str, tuple[int, Record]] = {}
        self._began = time.time_ns()
        self._log: TextIO | None = None
        for file in self._files:
            with suppress(FileNotFoundError):  # swept meanwhile
                self._read(file)

    def _read(self, file: Path) -> None:
        for line in file.read_bytes().splitlines():
            with suppress(ValueError, KeyError, TypeError):
                key, record = _parse_keyed(line)
                self._known[key] = _time_of(file), record

    def find(self, key: str) -> Record | None:
        """The record under `key`, if its shard is there and unharmed.

        A shard that was touched since is read and checked, and removed when it isn't right any more. The use is noted,
        once a day.
        """
        if key not in self._known:
            return None
        noted, record = self._known[key]
        path = self.store.shard(record.sha256)
        try:
            state = path.stat()
        except FileNotFoundError:
            return None
        if (state.st_size, state.st_mtime_ns) == (record.size, record.modified_ns):
            if self._began - noted > NANOSECONDS_A_DAY:
                self.add(key, record)
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
            self._log = (self._folder / _new_name(self._began)).open("w", encoding="utf-8", buffering=1)
        self._log.write(json.dumps([key, asdict(record)]) + "\n")
        self._known[key] = self._began, record

    def last_uses(self) -> dict[str, float]:
        """When each shard was last made or found by a driver, to the day, in seconds since 1970, by its SHA-256."""
        uses: dict[str, float] = {}
        for noted, record in self._known.values():
            uses[record.sha256] = max(noted / 1e9, uses.get(record.sha256, 0.0))
        return uses

    def close(self) -> None:
        """End this driver's file; nothing more will be added."""
        if self._log is not None:
            self._log.close()

    def sweep(self) -> None:
        """Gather the records of the shards that are there, a file for each time, and remove what killed processes left.

        What was touched within the hour is left alone, as its process may still be at work.
        """
        there = {path.stem for path in self.store.shards()}
        lines: dict[int, list[str]] = defaultdict(list)
        for key, (noted, record) in self._known.items():
            if record.sha256 in there:
                lines[noted].append(json.dumps([key, asdict(record)]) + "\n")
        for noted, written in lines.items():
            write_whole(self._folder / _new_name(noted), "".join(written).encode())
        for path in [*self._files, *self.store.folder.glob(f"*/{UNFINISHED}*")]:
            with suppress(FileNotFoundError):  # another process was faster
                if time.time() - path.stat().st_mtime > SECONDS_TO_FINISH:
                    path.unlink()


def _new_name(began: int) -> str:
    """Name a file so that names sort by time, as a later record of a key goes before an earlier one."""
    return f"{began}-{uuid4().hex}.jsonl"


def _time_of(file: Path) -> int:
    return int(file.name.partition("-")[0])


def _parse_keyed(line: bytes) -> tuple[str, Record]:
    key, values = json.loads(line)
    return key, to_record(values)
