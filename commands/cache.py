"""Look after the cache of shards that machine.yaml names, and after what else is kept beside it.

  show     the place, the size and the purpose of each
  prune    remove the shards that take room of their own (DVC's cache and no folder has them by a hard link), that no features
           stage has made or found for some days, and that the features of this workspace don't need; and the converted models,
           speeds, finished training runs and folders of TensorBoard's that nobody has used for as long. Training runs that have
           not ended are told
  repair   find what is damaged of DVC's cache, its run-cache and the outputs in the workspace, of finished training runs, of
           the shards here and in features.store; remove it, run the stages that make features, and say what makes the rest anew

Not a stage of dvc.yaml. The cache only saves time: whatever is pruned is computed again when it is wanted again.
"""

import argparse
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from asr.base.errors import DataError
from asr.shards.format import MANIFEST, read_manifest
from asr.shards.store import SECONDS_A_DAY, FolderStore
from commands.repairing.features import folders
from commands.repairing.repair import repair
from stages.common.command import telling_errors
from stages.common.machine import read_machine


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.cache", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", nargs="?", choices=("show", "prune", "repair"), default="show")
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    parser.add_argument("--days", type=float, default=30.0, help="prune spares what was used within so many days (%(default)s)")
    with telling_errors("cache"):
        arguments = parser.parse_args()
        from commands.caches import prune_places, repair_runs, show_places  # here, as --help needs none of it

        machine = read_machine()
        store = FolderStore(machine.cache_folder)
        if arguments.action == "prune":
            prune(store, arguments.dry_run, arguments.days)
            prune_places(machine, arguments.dry_run, arguments.days)
        elif arguments.action == "repair":
            repair_runs(machine.checkpoint_folder, arguments.dry_run)
            repair(store, arguments.dry_run)
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


if __name__ == "__main__":
    main()
