"""Inputs: whether a stage that DVC starts reads the bytes that the stages before it wrote.

DVC trusts an object of its cache that is read-only, and a file whose size, time and inode are as they were, without hashing
it; of a hard link it has no second copy. So a byte that a disk has changed would be read. Here the bytes are hashed and
compared with dvc.lock, which DVC writes after each stage.

What can't be compared is taken as it is: where there is no dvc.lock, and folders whose list of files is not in .dvc/cache
(`cache.dir` names another place, an experiment's copy shares its project's). Shards (*.arrow) are left out: each is named by
its SHA-256, and compared with it by who reads it.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asr.base.errors import DataError

LOCK, PIPELINE = Path("dvc.lock"), Path("dvc.yaml")
OBJECTS = Path(".dvc/cache/files/md5")
FOLDER, SHARD = ".dir", ".arrow"


def require_whole_inputs(stage: str) -> None:
    """Compare what other stages wrote and `stage` reads, where DVC has started it; run by hand, it reads what is there.

    Raises:
        DataError: when a file is not what was written.
    """
    if os.environ.get("DVC_STAGE", "").rpartition(":")[2] != stage or not (LOCK.is_file() and PIPELINE.is_file()):
        return
    deps = _parse(PIPELINE).get("stages", {}).get(stage, {}).get("deps", [])
    for writer, written in _parse(LOCK).get("stages", {}).items():
        for out in written.get("outs", []):
            if out["path"] in deps and out.get("hash") == "md5":
                for path, md5 in _files(Path(out["path"]), out["md5"]):
                    if md5_of(path) != md5.removesuffix(FOLDER):
                        raise DataError(f"{path}: damaged, its bytes are not those that {writer} wrote; run `make repair`")


def md5_of(path: Path) -> str | None:
    """Hash a file's bytes; None where it isn't there or can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return None


def object_path(objects: Path, md5: str) -> Path:
    """The file that a folder of DVC's objects has for an MD5."""
    return objects / md5[:2] / md5[2:]


def listed(list_of_files: Path) -> dict[str, str]:
    """The files of a folder by DVC's list of them, each relative to the folder, with its MD5."""
    return {row["relpath"]: row["md5"] for row in json.loads(list_of_files.read_bytes())}


def _parse(path: Path) -> Any:
    """Parse YAML, each scalar as text, in hundredths of a second by the parser in C."""
    import yaml  # here, as a stage that is run by hand needs none of it

    return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def _files(out: Path, md5: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of an output with their MD5; the list of a folder's files is one of them."""
    if not md5.endswith(FOLDER):
        yield out, md5
        return
    list_of_files = object_path(OBJECTS, md5)
    if not list_of_files.is_file():
        return
    yield list_of_files, md5
    for path, file_md5 in listed(list_of_files).items():
        if not path.endswith(SHARD):
            yield out / path, file_md5
