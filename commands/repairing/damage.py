"""Damage in DVC's cache, in its run-cache, and in the outputs of the workspace: finding it, and what becomes of it.

What a stage makes is removed: DVC then restores it or runs the stage. The user's own data is never removed; it is marked, so
that DVC hashes it again, and named. An object of which the workspace has a whole file is put back from there.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asr.base.errors import DataError
from asr.base.files import replacing
from commands.remote import default_remote
from commands.repairing.known import (
    Hashes,
    Output,
    earlier_runs,
    files_in,
    inode_of,
    known_outputs,
    objects_of,
    open_repo,
    shown,
)
from stages.common.inputs import FOLDER, SHARD
from stages.common.outdated import is_outdated, remove


@dataclass(frozen=True)
class Finding:
    """What is not what was written.

    Attributes:
        action: remove it; put it back from `source`; mark it, so that DVC hashes it again; keep it, for somebody to decide;
            leave it to DVC, which knows that it has changed.
        told: what is said of it.
        outputs: those that it is a part of.
    """

    path: Path
    action: Literal["remove", "put back", "mark", "keep", "leave"]
    told: str
    outputs: tuple[Output, ...] = ()
    source: Path | bytes = b""


@dataclass
class Seen:
    """What was hashed.

    Attributes:
        outputs: each with its files and their MD5s by DVC's list; without files where the list is damaged.
        objects: DVC's cache, by MD5.
        earlier: the paths of what earlier runs wrote, by MD5.
        trusted: the MD5 that DVC takes a file to have without hashing it.
        lists: lists of folders put together anew from the workspace, by MD5.
    """

    outputs: dict[Output, dict[Path, str]]
    objects: Mapping[str, Path]
    earlier: Mapping[str, str]
    hashes: Hashes
    trusted: Callable[[Path], str | None]
    lists: dict[str, bytes] = field(default_factory=dict)

    def is_whole(self, name: str) -> bool:
        """Whether DVC's cache has an object as it was written."""
        return name in self.objects and self.hashes[self.objects[name]] == name.removesuffix(FOLDER)


def look() -> list[Finding]:
    """Hash everything that DVC keeps or trusts, and find what is not what was written.

    Raises:
        DataError: when this is no DVC project.
    """
    with open_repo() as repo:
        broken: list[Path] = []
        seen = _see(repo, broken)
        runs = [Finding(path, "remove", "not what DVC wrote of an earlier run") for path in broken]
        return [*runs, *_damaged_objects(seen), *_damaged_outputs(seen)]


def _see(repo: Any, broken_runs: list[Path]) -> Seen:
    """Hash the objects, then the files of the workspace; shards have a hash of their own and are checked by it."""
    from dvc.fs import localfs

    cache, hashes = shown(repo.cache.local.path), Hashes()
    objects = objects_of(cache)
    hashes.add(objects.values(), "repair, DVC's cache")
    outputs = {out: files_in(out.md5, out.path, cache, hashes) for out in known_outputs(repo)}
    runs = shown(repo.stage_cache.cache_dir)
    wrote = {name: path for md5, path in earlier_runs(runs, broken_runs) for name in _names(md5, Path(path), cache, hashes)}

    def trusted(path: Path) -> str | None:
        _, found = repo.state.get(str(path.absolute()), localfs)
        return found.value if found else None

    seen = Seen(outputs, objects, wrote, hashes, trusted)
    unlisted = [out for out in outputs if out.md5 in objects and not seen.is_whole(out.md5) and out.md5.endswith(FOLDER)]
    files = [path for listed in outputs.values() for path in listed if path.suffix != SHARD]
    hashes.add([*files, *(path for out in unlisted for path in out.path.rglob("*") if path.is_file())], "repair, outputs")
    for out in unlisted:
        _list_anew(out, seen)
    return seen


def _names(md5: str, path: Path, cache: Path, hashes: Hashes) -> set[str]:
    return {md5, *files_in(md5, path, cache, hashes).values()}


def _list_anew(out: Output, seen: Seen) -> None:
    """Put a folder's list together as DVC does, and keep it if it comes to the same MD5."""
    files = {path.relative_to(out.path).as_posix(): path for path in out.path.rglob("*") if path.is_file()}
    rows = [{"md5": seen.hashes[path], "relpath": name} for name, path in sorted(files.items())]
    content = json.dumps(rows, sort_keys=True).encode()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() == out.md5.removesuffix(FOLDER):
        seen.lists[out.md5] = content
        seen.outputs[out] = {path: seen.hashes[path] or "" for path in files.values()}


def _damaged_objects(seen: Seen) -> Iterator[Finding]:
    """Find objects whose bytes are not those that they are named by."""
    owners: dict[str, list[Output]] = {}
    twins: dict[str, Path | bytes] = {**seen.lists}
    for out, files in seen.outputs.items():
        for name in {out.md5, *files.values()}:
            owners.setdefault(name, []).append(out)
        twins.update({md5: path for path, md5 in files.items() if seen.hashes[path] == md5})
    unlisted = [(out, path) for out, files in seen.outputs.items() if not files for path in out.path.rglob("*")]
    links = {inode_of(path): out for out, path in unlisted}
    for name, path in seen.objects.items():
        if not seen.is_whole(name):
            outs = owners.get(name) or [links[inode] for inode in [inode_of(path)] if inode in links]
            yield _damaged_object(name, path, tuple(outs), twins.get(name), seen)


def _damaged_object(name: str, path: Path, outs: tuple[Output, ...], twin: Path | bytes | None, seen: Seen) -> Finding:
    own = next((out for out in outs if out.is_own), None)
    if twin is not None:
        return Finding(path, "put back", f"damaged, put back from {outs[0].path}", outs, twin)
    if own:
        copies = [own.path] if name == own.md5 else [file for file, md5 in seen.outputs[own].items() if md5 == name]
        return Finding(path, "mark" if any(map(Path.exists, copies)) else "keep", f"damaged; {remedy(own)}", (own,))
    if outs:
        makers = ", ".join(dict.fromkeys(out.maker for out in outs))
        return Finding(path, "remove", f"damaged, removed; a part of {outs[0].path}, which {makers} makes", outs)
    if name in seen.earlier:
        return Finding(path, "remove", f"damaged, removed; an earlier run wrote it, in {seen.earlier[name]}")
    found = seen.hashes[path]
    if found and seen.is_whole(found):  # `dvc add` has taken the bytes as they are now
        return Finding(path, "remove", f"damaged, removed; what it holds is kept as {seen.objects[found]}")
    return Finding(path, "keep", "damaged; of another revision, perhaps your own data: remove it if it isn't")


def _damaged_outputs(seen: Seen) -> Iterator[Finding]:
    """Find files of the workspace that are not what dvc.lock says."""
    damaged = {inode_of(path) for name, path in seen.objects.items() if not seen.is_whole(name)}
    for out, files in seen.outputs.items():
        for path, md5 in files.items():
            if path.suffix != SHARD and path.exists() and seen.hashes[path] != md5:
                is_trusted = inode_of(path) in damaged or seen.trusted(path) == md5
                yield from _changed_file(path, out, is_trusted, seen.is_whole(md5))
        is_unlisted = not files and out.md5 in seen.objects and not seen.is_whole(out.md5)
        if is_unlisted and out.path.exists() and not (out.is_own or is_outdated()):
            yield Finding(out.path, "remove", f"DVC's list of its files is damaged, removed; {out.maker} makes it", (out,))


def _changed_file(path: Path, out: Output, is_trusted: bool, is_restorable: bool) -> Iterator[Finding]:
    """What becomes of a file that isn't what was written, by whether DVC trusts it and has it whole in its cache."""
    if out.is_own:
        if is_trusted:  # if not, it was edited, which DVC sees
            yield Finding(path, "mark", f"damaged; {remedy(out)}", (out,))
    elif is_trusted or (is_restorable and not is_outdated()):
        yield Finding(path, "remove", f"damaged, removed; {out.maker} makes it", (out,))
    elif out.is_cached:  # what git has says `outdated` in the middle of a run
        told = f"not what dvc.lock says, left: `make repro` makes it so, `dvc commit {out.maker}` keeps what is there"
        yield Finding(path, "leave", told, (out,))


def remedy(out: Output) -> str:
    """How the user's own data becomes whole."""
    if default_remote():
        return f"`dvc pull --force {out.maker}` brings it from the remote, `dvc add {out.path}` takes it as it is"
    return f"put a copy of yours in its place, and `dvc add {out.path}`, which takes what is there as it is"


def act(finding: Finding) -> None:
    """Do what is to be done.

    Raises:
        DataError: when the disk or its rights don't allow it.
    """
    path = finding.path
    try:
        if finding.action == "remove":
            remove(path)
        elif finding.action == "mark":
            path.chmod(path.stat().st_mode | stat.S_IWUSR)  # DVC trusts what nobody may write
            os.utime(path)
        elif finding.action == "put back":
            _put_back(path, finding.source)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; it is damaged and has to be removed") from error


def _put_back(path: Path, source: Path | bytes) -> None:
    with replacing(path) as draft:
        if isinstance(source, bytes):
            draft.write_bytes(source)
        else:
            shutil.copyfile(source, draft)
        draft.chmod(0o444)
