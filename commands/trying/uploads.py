"""Uploads: which recordings may be heard, by whom, and when each is removed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from asr.base.errors import DataError


@dataclass
class _Loaded:
    """A file: what tells it from one that takes its place, and since when each visitor waits for it, in seconds."""

    version: tuple[int, int]
    since: dict[str, float] = field(default_factory=dict)


class Uploads:
    """The recordings that visitors have loaded and not heard yet.

    Gradio names an upload by its content, so equal ones of several visitors are one file, which stays until the last of them
    has heard it. Safe to use in several threads.
    """

    def __init__(self, folder: Path, kept_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            folder: of uploads; each lies in a folder of its own in it.
            kept_seconds: how long a file waits for a visitor; it no longer stays for one who loaded it earlier.
            clock: says the time in seconds.
        """
        self._folder = folder.resolve()
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._loaded: dict[Path, _Loaded] = {}
        self._lock = Lock()

    def load(self, path: str, visitor: str) -> None:
        """Let a visitor hear a file once. What isn't an upload stays unknown, so it can be neither heard nor removed."""
        upload = Path(path).resolve()
        with self._lock:
            if upload.parent.parent == self._folder and (version := _version(upload)):
                loaded = self._loaded.setdefault(upload, _Loaded(version))
                loaded.version = version
                loaded.since[visitor] = self._clock()

    @contextmanager
    def hearing(self, path: str, visitor: str) -> Iterator[Path]:
        """Have a visitor hear what was loaded; after the last who waits for it, the file is removed, and nothing else is.

        Yields:
            the file.

        Raises:
            DataError: when the visitor has not loaded it, or has heard it, or it was removed as nobody heard it in time.
        """
        upload = Path(path).resolve()
        with self._lock:
            known = upload in self._loaded and visitor in self._loaded[upload].since
        try:
            if not (known and upload.is_file()):
                raise DataError("The recording has been removed, as nothing is kept: load it again.")
            yield upload
        finally:
            with self._lock:
                self._leave(upload, visitor)

    def _leave(self, upload: Path, visitor: str) -> None:
        loaded = self._loaded.get(upload)
        if loaded is None or loaded.since.pop(visitor, None) is None:
            return
        oldest = self._clock() - self._kept_seconds
        if all(since < oldest for since in loaded.since.values()):
            if _version(upload) == loaded.version:  # or else somebody has just loaded it again, and it is to be noted yet
                upload.unlink()
            del self._loaded[upload]


def _version(upload: Path) -> tuple[int, int] | None:
    """What differs between two files that had one name; None: there is no file."""
    if not upload.is_file():
        return None
    status = upload.stat()
    return status.st_ino, status.st_mtime_ns
