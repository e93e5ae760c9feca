"""Inspections: what has been found out about audio files, kept by the hash of their bytes.

A file whose state is as it was is taken for the same and costs a look at its name. One that was touched, linked, moved or
renamed is read and hashed, and one with new bytes is decoded. The kept findings are those of this version of the code alone.
Each row has a checksum of its cells, as SQLite notices damage only where it makes its own structure impossible: a row that is
not as it was written is unknown.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asr.audio.findings import Finding
from asr.audio.inspection import Sound
from asr.base.entries import View
from asr.base.errors import DataError
from asr.recordings.locating import Located

TABLES = """
create table if not exists states (path text primary key, state text, hash text, checksum text) without rowid;
create table if not exists findings
    (hash text, version text, view text, sound text, checksum text, primary key (hash, version, view)) without rowid;
"""

TABLES_WITHOUT_CHECKSUMS = """
drop table if exists files;
drop table if exists sounds;
"""
"""Earlier versions of this project have left them."""

SECONDS_TO_WAIT = 60
"""For another run of this project that is writing."""


@contextmanager
def open_inspections(file: Path, version: str, read_only: bool = False) -> Iterator["Inspections"]:
    """Open the file of inspections, or make it.

    Args:
        file: of SQLite. It may be removed when no run is using it: then all is inspected anew.
        version: of the code that inspects.
        read_only: as a worker does; where it can't be read, nothing is known.

    Raises:
        DataError: when the file can't be used.
    """
    try:
        rows = _readable(file) if read_only else _writable(file, version)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(file, error) from error
    try:
        with closing(rows):
            rows.text_factory = partial(str, encoding="utf-8", errors="replace")  # damaged text fails its row's checksum
            yield Inspections(rows, version)
    except sqlite3.Error as error:
        raise _unusable(file, error) from error


def _unusable(file: Path, error: Exception) -> DataError:
    return DataError(f"{file}: {error}; remove it, it holds only what earlier runs have found out")


def _writable(file: Path, version: str) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = sqlite3.connect(file, timeout=SECONDS_TO_WAIT)
    # What is too much for SQLite's cache would be written at once, and workers that read would have to wait until all is kept.
    rows.execute("pragma cache_spill = off")
    rows.executescript(TABLES_WITHOUT_CHECKSUMS + TABLES)
    rows.execute("delete from findings where version != ?", (version,))
    rows.commit()
    return rows


def _readable(file: Path) -> sqlite3.Connection:
    """Open what the driver has made; on a node of a cluster that doesn't see it, an empty one."""
    if file.exists():
        return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=SECONDS_TO_WAIT)
    rows = sqlite3.connect(":memory:")
    rows.executescript(TABLES)
    return rows


@dataclass(frozen=True)
class Inspections:
    """What is known of files and their parts."""

    _rows: sqlite3.Connection
    _version: str

    def hash_of(self, file: Located) -> str | None:
        """The hash of a file's bytes, if its state is that which it had when it was hashed."""
        query = "select path, state, hash, checksum from states where path = ?"
        found = self._rows.execute(query, (file.path,)).fetchone()
        return found[2] if found and _is_as_written(found) and found[1] == json.dumps(file.state) else None

    def sounds(self, audio_hash: str, views: Sequence[View]) -> list[Sound] | None:
        """What is known of each of some parts of a file, or None when one has not been inspected."""
        query = "select hash, version, view, sound, checksum from findings where hash = ? and version = ?"
        known = {row[2]: row[3] for row in self._rows.execute(query, (audio_hash, self._version)) if _is_as_written(row)}
        names = [_name(view) for view in views]
        return [_parse(known[name]) for name in names] if all(name in known for name in names) else None

    def add(self, file: Located | None, audio_hash: str, views: Sequence[View], sounds: Sequence[Sound]) -> None:
        """Keep what was found; `file`: None where its state can't tell whether it is written to again."""
        if file is not None:
            row = _checked(file.path, json.dumps(file.state), audio_hash)
            self._rows.execute("replace into states values (?, ?, ?, ?)", row)
        found = zip(views, sounds, strict=True)
        rows = (_checked(audio_hash, self._version, _name(view), _text(sound)) for view, sound in found)
        self._rows.executemany("replace into findings values (?, ?, ?, ?, ?)", rows)

    def keep(self) -> None:
        """See that what was added outlives this process."""
        self._rows.commit()


def _checked(*cells: str) -> tuple[str, ...]:
    """A row: its cells, and their checksum."""
    return (*cells, hashlib.blake2b(repr(cells).encode(), digest_size=8).hexdigest())


def _is_as_written(row: Sequence[str]) -> bool:
    return tuple(row) == _checked(*row[:-1])


def _name(view: View) -> str:
    return json.dumps([view.start, view.end, view.channel])


def _text(sound: Sound) -> str:
    return json.dumps(vars(sound), default=vars)


def _parse(text: str) -> Sound:
    values = json.loads(text)
    return Sound(**{**values, "findings": tuple(Finding(**finding) for finding in values["findings"])})
