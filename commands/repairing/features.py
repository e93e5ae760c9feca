"""Features: damaged shards in their cache, in the features folders, in DVC's cache of them and in features.store."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.base.errors import DataError
from asr.shards.format import MANIFEST, Manifest, read_manifest
from asr.shards.store import FolderStore, is_whole, open_store
from commands.repairing.known import open_repo, shown
from stages.common.inputs import object_path


@dataclass(frozen=True)
class Folder:
    """A folder of features, and DVC's list of its files; None where there is none."""

    path: Path
    stage: str
    list_of_files: Path | None


def folders() -> Iterator[Folder]:
    """Find the folders of features that dvc.yaml and dvc.lock name.

    Raises:
        DataError: when this is no DVC project.
    """
    with open_repo() as repo:
        for out in repo.index.outs:
            path = shown(out.fs_path)
            if out.stage.cmd and "features" in path.parts and not path.suffix:
                objects, md5 = Path(repo.cache.local.path), out.hash_info.value if out.hash_info else None
                yield Folder(path, out.stage.addressing, object_path(objects, md5) if md5 else None)


def damaged_folders(store: FolderStore, broken: Collection[Path], dry_run: bool) -> list[Folder]:
    """Look for damage, and remove what is damaged but for the folders themselves.

    Args:
        store: the cache of shards.
        broken: outputs of which an object or a file was found damaged already.
        dry_run: remove nothing.
    """
    for path in store.shards():
        if not is_whole(path, path.stem):
            print(f"{path}: damaged, {removed(dry_run)}")
            if not dry_run:
                store.remove(path.stem)
    return [folder for folder in folders() if folder.path in broken or _is_damaged(folder, dry_run)]


def removed(dry_run: bool) -> str:
    """What becomes of something."""
    return "would be removed" if dry_run else "removed"


def make_anew(damaged: Sequence[Folder]) -> None:
    """Run the stages that make folders; they find in the cache of shards what is whole.

    Raises:
        DataError: when they fail.
    """
    again = sorted({folder.stage for folder in damaged})
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", *again]
    if subprocess.run(command, check=False).returncode != 0:
        raise DataError("the stages above failed; correct what they name, and repair again")


def forget(folder: Folder) -> None:
    """Remove a folder, and DVC's list of it: DVC would restore a folder whose shards are gone from features.store."""
    shutil.rmtree(folder.path, ignore_errors=True)
    if folder.list_of_files:
        folder.list_of_files.unlink(missing_ok=True)


def _is_damaged(folder: Folder, dry_run: bool) -> bool:
    """Whether anything of a folder is not what was written; what is damaged in the store is removed."""
    if not folder.path.exists():
        return False
    try:
        manifest = read_manifest(folder.path / MANIFEST)
    except DataError:
        return True
    return _store_is_damaged(manifest, dry_run) if manifest.store else _files_are_damaged(folder.path, manifest)


def _files_are_damaged(folder: Path, manifest: Manifest) -> bool:
    paths = [folder / shard.file for shard in manifest.shards]
    return not all(is_whole(path, path.stem) for path in paths)


def _store_is_damaged(manifest: Manifest, dry_run: bool) -> bool:
    assert manifest.store is not None
    store = open_store(manifest.store)
    store.require_answer()
    damaged = False
    for shard in manifest.shards:
        try:
            if hashlib.sha256(store.read(shard.sha256)).hexdigest() == shard.sha256:
                continue
            print(f"{manifest.store}: {shard.file} damaged, {removed(dry_run)}")
            if not dry_run:
                store.remove(shard.sha256)
        except FileNotFoundError:
            print(f"{manifest.store}: {shard.file} is gone")
        damaged = True
    return damaged
