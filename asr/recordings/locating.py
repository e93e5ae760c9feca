"""Locating: the file that a row of a table means, whatever system wrote its name."""

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import NamedTuple

from asr.audio.findings import Finding

SUBFOLDERS = ("", "wavs", "clips", "audio")
"""Where data sets keep what their tables name without a folder: LJSpeech in wavs, Common Voice in clips."""

ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
"""Tried in this order where a table names a file without an ending."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
DRIVE = re.compile(r"[A-Za-z]:[\\/]")

refused = partial(Finding, "refuse")


class State(NamedTuple):
    """What tells without reading a file that its bytes are as they were: its size in bytes, and two times in nanoseconds.

    Whoever puts another file in its place may keep size and time of the first (`cp -p`, rsync, a backup that is restored), and
    neither the inode nor `changed`, which the file system itself sets.
    """

    size: int
    modified: int
    inode: int
    changed: int


def state_of(found: os.stat_result) -> State:
    """The state of a file that was looked at."""
    return State(found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)


@dataclass(frozen=True)
class Located:
    """A regular file: its path from the project's folder, and its state when it was found."""

    path: str
    state: State


class Locator:
    """Finds files in a folder. It lists a folder once, and only when a name in it can't be found as it is written."""

    def __init__(self, root: str, root_name: str) -> None:
        """Look in `root`, which the user knows as `root_name`."""
        self._root, self._root_name = root, root_name
        self._listed: dict[str, dict[str, list[str]]] = {}

    def find(self, written: str) -> Located | Finding:
        """Find the file, or say why it may not be used.

        Paths are compared as text: links inside the folder may point elsewhere, as DVC's own checkouts do.
        """
        if not written:
            return refused("no path", "the cell is blank", "name the clip's file or remove the row")
        if ADDRESS.match(written):
            remedy = "fetch the folder with `dvc import-url`, and give paths in it"
            return refused("address of another machine", f"{written} is no file here", remedy)
        first = self._look(written)
        if first is not None:
            return first
        for name in self._other_names(written):
            found = self._look(name)
            if isinstance(found, Located):
                return found
        return self._missing(written)

    def _look(self, name: str) -> Located | Finding | None:
        """The file of exactly this name; None when there is none."""
        inside = os.path.relpath(os.path.join(self._root, name), self._root)
        if inside in (os.curdir, os.pardir) or inside.startswith(os.pardir + os.sep) or DRIVE.match(name):
            return refused(
                "path outside audio_root", f"{name} is not inside {self._root}", f"give it relative to {self._root_name}"
            )
        path = Path(self._root) / inside
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:  # ValueError: a zero byte, or half a character
            reason = getattr(error, "strerror", None) or str(error)
            return refused("file can't be opened", reason, "check the name and its permissions")
        if not stat.S_ISREG(found.st_mode):
            return refused("file can't be opened", "a folder, device or pipe, not a file", "name the clip's file")
        return Located(path.as_posix(), state_of(found))

    def _other_names(self, written: str) -> Iterator[str]:
        """What the name may be here: with this system's slashes, an ending, a usual folder, another Unicode form."""
        slashed = written.replace("\\", "/")
        endings = ("",) if PurePath(slashed).suffix.lower() in ENDINGS else ("", *ENDINGS)
        for folder in SUBFOLDERS:
            for ending in endings:
                yield f"{folder}/{slashed}{ending}".lstrip("/")
        for folder in SUBFOLDERS if not slashed.isascii() else ():
            if there := self._alike(f"{folder}/{slashed}", composed):
                yield there

    def _alike(self, name: str, form: Callable[[str], str]) -> str | None:
        """The one path whose every part has the same form as that of `name`."""
        found = ""
        for part in PurePath(name.strip("/")).parts:
            alike = [each for each in self._names(found).get(folded(part), []) if form(each) == form(part)]
            if len(alike) != 1:
                return None
            found = f"{found}/{alike[0]}".lstrip("/")
        return found

    def _names(self, folder: str) -> dict[str, list[str]]:
        """The names in a folder, by what they have in common with others that people take for the same."""
        if folder not in self._listed:
            names = self._listed[folder] = {}
            with suppress(OSError):
                for path in sorted((Path(self._root) / folder).iterdir()):
                    names.setdefault(folded(path.name), []).append(path.name)
        return self._listed[folder]

    def _missing(self, written: str) -> Finding:
        other = self._alike(written.replace("\\", "/"), folded)
        there = f"; there is {other}, in other capitals" if other else ""
        detail = f"{(Path(self._root) / written).as_posix()} does not exist{there}"
        return refused("file not found", detail, f"check the name and {self._root_name}")


def composed(name: str) -> str:
    """A name in Unicode's composed form. A Mac's file system and its zips have the decomposed one."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """A name without what people don't see or don't mind: the Unicode form, and capitals."""
    return composed(name).casefold()
