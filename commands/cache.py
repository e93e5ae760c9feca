"""Look after the cache of shards that machine.yaml names, and after what else is kept beside it.

  show     the place, the size and the purpose of each
  prune    remove the shards that take room of their own (DVC's cache and no folder has them by a hard link), that no features
           stage has made or found for some days, and that the features of this workspace don't need; and the converted models,
           speeds and folders of TensorBoard's that nobody has used for as long. Training runs that have not ended are told
  repair   find damaged shards in the cache, in the features folders, in DVC's cache of them and in features.store,
           remove them, and run the stages that make them

Not a stage of dvc.yaml. The cache only saves time: whatever is pruned is computed again when it is wanted again.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.base.errors import DataError
from asr.shards.format import MANIFEST, Manifest, read_manifest
from asr.shards.store import SECONDS_A_DAY, FolderStore, is_whole, open_store
from stages.common.command import telling_errors
from stages.common.machine import read_machine


@dataclass(frozen=True)
class Folder:
    """A folder of features. `objects` are where DVC's cache has its files, as far as it has a list of them."""

    path: Path
    stage: str
    objects: Sequence[Path]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.cache", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", nargs="?", choices=("show", "prune", "repair"), default="show")
    parser.add_argument("--dry-run", action="store_true", help="say what prune would remove, and remove nothing")
    parser.add_argument("--days", type=float, default=30.0, help="prune spares what was used within so many days (%(default)s)")
    with telling_errors("cache"):
        arguments = parser.parse_args()
        from commands.caches import prune_places, show_places  # here, as --help needs none of it

        machine = read_machine()
        store = FolderStore(machine.cache_folder)
        if arguments.action == "prune":
            prune(store, arguments.dry_run, arguments.days)
            prune_places(machine, arguments.dry_run, arguments.days)
        elif arguments.action == "repair":
            repair(store)
        else:
            show(store)
            show_places(machine)


def show(store: FolderStore) -> None:
    """Say what there is."""
    sizes = [path.stat().st_size for path in store.shards()]
    print(f"{store.folder}: {len(sizes):,} shards, {sum(sizes) / 1e6:,.1f} MB")


def prune(store: FolderStore, dry_run: bool, days: float) -> None:
    """Remove what is `unused`; if it is wanted after all, it is computed again."""
    found = dict(unused(store, workspace_shards(), time.time() - days * SECONDS_A_DAY))
    if not dry_run:
        for path in found:
            store.remove(path.stem)
        store.sweep()
    doing = "would remove" if dry_run else "removed"
    print(
        f"{store.folder}: {doing} {len(found):,} shards, {sum(found.values()) / 1e6:,.1f} MB; "
        f"the others were used within {days:g} days, or have links and take no room of their own"
    )


def unused(store: FolderStore, needed: Collection[str], oldest: float) -> Iterator[tuple[Path, int]]:
    """Find the shards that may go, with their sizes: no link to them, not `needed`, and not made nor found since `oldest`.

    A shard with links goes with them: `dvc gc` removes DVC's, and the next prune the shard.
    """
    uses = store.last_uses()
    for path in store.shards():
        with suppress(FileNotFoundError):  # another prune was faster
            state = path.stat()
            used = max(state.st_mtime, uses.get(path.stem, 0.0))  # what training fetches from a store has no record
            if state.st_nlink == 1 and path.stem not in needed and used <= oldest:
                yield path, state.st_size


def workspace_shards() -> set[str]:
    """The shards of the features that are in the workspace; a folder that a killed stage left without its list needs none."""
    needed: set[str] = set()
    for folder in folders():
        with suppress(DataError):
            needed.update(shard.sha256 for shard in read_manifest(folder.path / MANIFEST).shards)
    return needed


def repair(store: FolderStore) -> None:
    """Remove damaged shards wherever they are kept, and make them anew."""
    for path in store.shards():
        if not is_whole(path, path.stem):
            print(f"{path}: damaged, removed")
            store.remove(path.stem)
    damaged = [folder for folder in folders() if is_damaged(folder)]
    if not damaged:
        print("the folders of features are as they were written")
        return
    for folder in damaged:
        print(f"{folder.path}: damaged, {folder.stage} makes it anew")
        shutil.rmtree(folder.path, ignore_errors=True)
    again = sorted({folder.stage for folder in damaged})
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", *again]
    if subprocess.run(command, check=False).returncode != 0:
        raise DataError("the stages above failed; correct what they name, and repair again")
    print("repaired")


def is_damaged(folder: Folder) -> bool:
    """Whether anything of a folder is not what was written; what is damaged in DVC's cache or in the store is removed."""
    wrong = [path for md5, path in _by_md5(folder) if not _has_md5(path, md5)]
    for path in wrong:
        print(f"{path}: damaged, removed")
        path.unlink()
    if not folder.path.exists():
        return bool(wrong)
    try:
        manifest = read_manifest(folder.path / MANIFEST)
    except DataError:
        return True
    return bool(wrong) or (_store_is_damaged(manifest) if manifest.store else _files_are_damaged(folder.path, manifest))


def _by_md5(folder: Folder) -> Iterator[tuple[str, Path]]:
    for path in folder.objects:
        if path.exists():
            yield path.parent.name + path.name, path


def _has_md5(path: Path, md5: str) -> bool:
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == md5
    except OSError:
        return False


def _files_are_damaged(folder: Path, manifest: Manifest) -> bool:
    paths = [folder / shard.file for shard in manifest.shards]
    return not all(is_whole(path, path.stem) for path in paths)


def _store_is_damaged(manifest: Manifest) -> bool:
    assert manifest.store is not None
    store = open_store(manifest.store)
    store.require_answer()
    damaged = False
    for shard in manifest.shards:
        try:
            if hashlib.sha256(store.read(shard.sha256)).hexdigest() == shard.sha256:
                continue
            print(f"{manifest.store}: {shard.file} damaged, removed")
            store.remove(shard.sha256)
        except FileNotFoundError:
            print(f"{manifest.store}: {shard.file} is gone")
        damaged = True
    return damaged


def folders() -> Iterator[Folder]:
    """Find the folders of features that dvc.yaml and dvc.lock name.

    Raises:
        DataError: when this is no DVC project.
    """
    from dvc.exceptions import DvcException, NotDvcRepoError  # here, as --help needs none of it
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            for out in repo.index.outs:
                if "features" in Path(str(out)).parts and not Path(str(out)).suffix:
                    yield Folder(Path(str(out)), out.stage.addressing, _objects(repo, out))
    except NotDvcRepoError as error:
        raise DataError(f"{error}; run this in the project's folder") from error
    except DvcException as error:
        raise DataError(str(error)) from error


def _objects(repo: Any, out: Any) -> list[Path]:
    tree = out.get_obj() if out.hash_info else None
    return [Path(repo.cache.local.oid_to_path(oid.value)) for _, _, oid in tree or ()]


if __name__ == "__main__":
    main()
