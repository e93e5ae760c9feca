"""What DVC knows: the outputs that dvc.lock and .dvc files name, who makes each, its cache of objects and of earlier runs."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.base.errors import DataError
from asr.base.progress import track
from stages.common.inputs import FOLDER, listed, md5_of, object_path


@dataclass(frozen=True)
class Output:
    """A file or folder that DVC knows.

    Attributes:
        path: starts at the project's folder.
        md5: of a file, or of the list of a folder's files, which ends in .dir.
        number: its place in the pipeline.
        maker: the stage, or the .dvc file of what no stage makes.
        is_own: the user's own data, which no stage makes.
        is_cached: DVC's cache has it; if not, git has.
    """

    path: Path
    md5: str
    number: int
    maker: str
    is_own: bool = False
    is_cached: bool = True


@contextmanager
def open_repo() -> Iterator[Any]:
    """Open the DVC project.

    Raises:
        DataError: when this is none, or DVC can't read it.
    """
    from dvc.exceptions import DvcException, NotDvcRepoError  # here, as --help needs none of it
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            yield repo
    except NotDvcRepoError as error:
        raise DataError(f"{error}; run this in the project's folder") from error
    except DvcException as error:
        raise DataError(str(error)) from error


def known_outputs(repo: Any) -> list[Output]:
    """The outputs of this machine's disk that dvc.lock and .dvc files name, in the pipeline's order."""
    return [
        Output(shown(out.fs_path), out.hash_info.value, number, out.stage.addressing, not out.stage.cmd, out.use_cache)
        for number, out in enumerate(repo.index.outs)
        if out.protocol == "local" and out.hash_info and out.hash_name == "md5"
    ]


def shown(path: str) -> Path:
    """An absolute path as people read it: from here, where it lies under this folder."""
    return Path(path).relative_to(Path.cwd()) if Path(path).is_relative_to(Path.cwd()) else Path(path)


def objects_of(cache: Path) -> dict[str, Path]:
    """The objects of DVC's cache by their names, MD5s; those that are being written have other names."""
    files = (path for path in sorted(cache.glob("[0-9a-f][0-9a-f]/*")) if path.is_file())
    return {f"{path.parent.name}{path.name}": path for path in files if len(path.name.removesuffix(FOLDER)) == 30}


class Hashes:
    """The MD5s of files; of several names of one file on the disk, one is hashed."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str | None] = {}

    def add(self, paths: Iterable[Path], what: str) -> None:
        """Hash what isn't hashed yet, on all cores, and show how far it is."""
        files = {inode: path for path in paths if (inode := inode_of(path)) and inode not in self._known}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            hashes = pool.map(md5_of, files.values())
            self._known.update(zip(files, track(hashes, len(files), what, unit="file"), strict=True))

    def __getitem__(self, path: Path) -> str | None:
        """The MD5 of a file that was added; None where it isn't there or can't be read."""
        inode = inode_of(path)
        return self._known.get(inode) if inode else None


def inode_of(path: Path) -> tuple[int, int] | None:
    """What the names of one file have in common; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def earlier_runs(folder: Path, broken: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield the MD5 and the path of what each run wrote that DVC's run-cache tells of; add what is unreadable to `broken`."""
    from dvc.exceptions import DvcException
    from dvc.schema import COMPILED_LOCK_FILE_STAGE_SCHEMA
    from dvc.utils.serialize import load_yaml
    from voluptuous import Invalid

    for path in sorted(folder.glob("[0-9a-f][0-9a-f]/*/*")):
        if len(path.name) != 64:  # it is being written
            continue
        try:
            run = COMPILED_LOCK_FILE_STAGE_SCHEMA(load_yaml(str(path)))
        except (DvcException, Invalid, ValueError):
            broken.append(path)
            continue
        yield from ((out["md5"], out["path"]) for out in run.get("outs", []) if "md5" in out)


def files_in(md5: str, path: Path, cache: Path, hashes: Hashes) -> dict[Path, str]:
    """What an output consists of, with each file's MD5; nothing for a folder whose list isn't there or is damaged."""
    if not md5.endswith(FOLDER):
        return {path: md5}
    list_of_files = object_path(cache, md5)
    if hashes[list_of_files] != md5.removesuffix(FOLDER):
        return {}
    return {path / name: file_md5 for name, file_md5 in listed(list_of_files).items()}
