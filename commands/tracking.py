"""Tracking: which of the user's data need not be here, and whether what is here is what DVC lists."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from asr.base.errors import DataError
from commands.lock import locked_dependencies
from commands.remote import default_remote


@dataclass(frozen=True)
class Elsewhere:
    """What need not be here.

    Attributes:
        remote: the default remote; None where there is none, and everything has to be here.
        locked: the dependencies of all stages as dvc.lock has them. While a stage's are not here, DVC takes them for unchanged.
    """

    remote: str | None = None
    locked: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        """Whether DVC does without a file or folder that isn't here, or fetches it."""
        return self.remote is not None and (tracker(path) is not None or PurePath(path).as_posix() in self.locked)

    def is_absent(self, path: str) -> bool:
        """Whether it isn't here and need not be."""
        return not Path(path).exists() and self.has(path)


def elsewhere() -> Elsewhere:
    """Look up the default remote and dvc.lock."""
    return Elsewhere(default_remote(), locked_dependencies())


def tracker(path: str) -> Path | None:
    """The file that `dvc add` wrote for a file or folder, or for a folder above it; None where there is none."""
    files = (Path(f"{each}.dvc") for each in (PurePath(path), *PurePath(path).parents))
    return next((file for file in files if file.is_file()), None)


def unlisted_changes(paths: Collection[str], remote: str | None) -> Iterator[str]:
    """Name the data that is not what its .dvc file lists, with what brings either in line.

    DVC would take it as it is and rewrite the file: an emptied folder, the folder of the branch that was checked out before, or
    one that lacks what a colleague has added.
    """
    trackers = {file for path in paths if (file := tracker(path))}
    for file in sorted(trackers):
        data = file.with_suffix("")
        if data.exists() and (change := changes(data)):
            bring = f"dvc pull {file}" if remote else f"dvc checkout {file}"
            yield (
                f"{data} is not what {file} lists ({change}): `{bring}` brings what is listed, as after a `git pull` or "
                f"`git checkout`; `dvc add {data}` lists what is here instead"
            )


def changes(data: Path) -> str:
    """Count the files of a tracked folder that were added, changed and removed, in words; "" where there are none."""
    from dvc.exceptions import DvcException  # here, as --help needs none of it
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            found: dict[str, Any] = repo.data_status(targets=[str(data)], granular=True, untracked_files="no")["uncommitted"]
    except DvcException as error:
        raise DataError(str(error)) from error
    words = {"added": "added", "modified": "changed", "deleted": "gone", "renamed": "renamed"}
    files = {word: [path for path in found.get(kind, []) if not str(path).endswith("/")] for kind, word in words.items()}
    told = ", ".join(f"{len(paths):,} {word}" for word, paths in files.items() if paths)
    return told or ("its files are others" if any(found.values()) else "")


def linked_folders(root: str) -> Iterator[Path]:
    """Find the folders within `root` that are links. DVC doesn't look into them."""
    for folder, names, _ in os.walk(root):
        yield from (path for name in names if (path := Path(folder) / name).is_symlink())
