"""Repair: what was found, what is done about it, and what the user is told to do."""

from collections.abc import Sequence

from asr.base.errors import DataError
from asr.shards.store import FolderStore
from commands.remote import default_remote
from commands.repairing.damage import Finding, act, look
from commands.repairing.features import Folder, damaged_folders, forget, make_anew

LASTING = ("mark", "keep")
"""What is done about damage that stays until its owner mends it."""


def repair(store: FolderStore, dry_run: bool = False) -> None:
    """Look through all that DVC and the cache of shards keep; remove what is damaged, and make it anew or say what does.

    Features are made at once, where everything else is whole: what they are made of is in the cache of shards, for the most.

    Raises:
        DataError: when something of the user's own is damaged, or a stage that makes features fails.
    """
    findings = look()
    for finding in findings:
        print(f"{finding.path}: {finding.told.replace('removed', 'would be removed') if dry_run else finding.told}")
        if not dry_run:
            act(finding)
    gone = sorted({out for each in findings if each.action == "remove" for out in each.outputs}, key=lambda out: out.number)
    folders = damaged_folders(store, {out.path for out in gone}, dry_run)
    for folder in folders:
        print(f"{folder.path}: damaged, {folder.stage} makes it anew")
    if not findings and not folders:
        print("what DVC keeps and the outputs here are as they were written")
    features = {folder.path for folder in folders}
    others = [out.maker for out in gone if out.path not in features]
    if folders and not dry_run:
        for folder in folders:
            forget(folder)
        if not others and not any(each.action == "leave" for each in findings):
            make_anew(folders)
            print("repaired")
            folders = []
    _tell(findings, others, folders)


def _tell(findings: Sequence[Finding], others: Sequence[str], folders: Sequence[Folder]) -> None:
    """Say how what is gone comes back.

    Raises:
        DataError: when something is still damaged.
    """
    stages = list(dict.fromkeys([*others, *(folder.stage for folder in folders)]))
    if stages and default_remote():
        names = " ".join(stages)
        print(f"`dvc pull {names}` brings back what the remote has, `dvc repro {names}` makes the rest anew")
    elif stages:
        print(f"`make repro` makes anew: {', '.join(stages)}")
    if lasting := [each.path for each in findings if each.action in LASTING]:
        names = f"{lasting[0]}{f' and {len(lasting) - 1:,} more' if lasting[1:] else ''}"
        raise DataError(f"damaged, and no stage makes it: {names}; what mends it stands above")
