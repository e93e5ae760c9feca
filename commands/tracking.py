"""Tracking: which of the user's data need not be here, and whether what is here is what DVC lists."""

import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from asr.base.errors import DataError
from stages.common.params import read_yaml

LOCK = Path("dvc.lock")


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
    stages = read_yaml(LOCK).get("stages", {}) if LOCK.exists() else {}
    return Elsewhere(default_remote(), frozenset(dep["path"] for stage in stages.values() for dep in stage.get("deps", [])))


def default_remote() -> str | None:
    """The name of the remote that `dvc pull` takes; None where there is none, or this is no DVC project."""
    name: str | None = _configuration().get("core", {}).get("remote")
    return name


def unverified_remote() -> Iterator[str]:
    """Ask that DVC hashes what it pulls. Otherwise a list of transcripts that has changed in the remote is trained on."""
    name = default_remote()
    if name and not _configuration()["remote"].get(name, {}).get("verify"):
        yield f"the remote {name} is believed whatever it sends: `dvc remote modify {name} verify true` has DVC check it"


def _configuration() -> dict[str, Any]:
    from dvc.config import Config, ConfigError  # here, as --help needs none of it
    from dvc.exceptions import NotDvcRepoError

    try:
        return dict(Config.from_cwd(validate=True))
    except NotDvcRepoError:
        return {}
    except ConfigError as error:
        raise DataError(f".dvc/config: {error}") from error


def reaches_remote() -> bool:
    """Whether the default remote answers; one that doesn't is told, with the reason."""
    from dvc.repo import Repo

    with Repo() as repo:
        try:
            remote = repo.cloud.get_remote_odb()
            remote.fs.exists(remote.path)
        except Exception as error:  # every kind of remote has its own
            print(f"{default_remote()}: the remote doesn't answer ({error}); going on with what is here", file=sys.stderr)
            return False
    return True


def stale_stages() -> list[str]:
    """The stages whose dependencies, parameters or outputs are not those of dvc.lock, taking what isn't here for unchanged.

    As `dvc repro --dry --allow-missing` tells them, which fails at the first that reads something that isn't here.

    Raises:
        DataError: when this is no DVC project.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo, repo.lock:
            graph = repo.index.graph
            return [stage.addressing for stage in repo.index.stages if stage.changed(True, list(graph.successors(stage)))]
    except DvcException as error:
        raise DataError(str(error)) from error


def tracker(path: str) -> Path | None:
    """The file that `dvc add` wrote for a file or folder, or for a folder above it; None where there is none."""
    files = (Path(f"{each}.dvc") for each in (PurePath(path), *PurePath(path).parents))
    return next((file for file in files if file.is_file()), None)


def unlisted_changes(paths: Collection[str]) -> Iterator[str]:
    """Name the data that is not what its .dvc file lists.

    DVC would take it as it is and rewrite the file: an emptied folder, or the folder of the branch that was checked out before.
    """
    trackers = {file for path in paths if (file := tracker(path))}
    for file in sorted(trackers):
        data = file.with_suffix("")
        if data.exists() and (change := changes(data)):
            yield (
                f"{data} is not what {file} lists ({change}): `dvc add {data}` takes it as it is, `dvc checkout {file}` "
                "brings back what is listed"
            )


def changes(data: Path) -> str:
    """Count the files of a tracked folder that were added, changed and removed, in words; "" where there are none."""
    from dvc.exceptions import DvcException
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
