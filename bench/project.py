"""Scratch projects that hold one stage, and runs of that stage in them."""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asr.base.entries import AudioEntry
from asr.base.files import write_rows
from bench.process import Cost, Ended, measure

HOME = Path(__file__).parents[1]
STAGE = (sys.executable, "-m", "stages.features_train")
LIST, MIX = Path("data/splits/audio/train.jsonl"), Path("data/mix/audio.jsonl")
OUT = Path("data/features/train")
COST = "cost.json"

DVC_YAML = f"""
stages:
  features_train:
    cmd: {shlex.join((sys.executable, "-m", "bench.process", COST, *STAGE))}
    deps: [{LIST}, asr, stages]
    params: [features, augment]
    outs: [{OUT}]
"""


@dataclass(frozen=True)
class Project:
    """A folder with the code and params.yaml of this project, and a private cache of shards beside it."""

    folder: Path
    cache: Path

    def environment(self, workers: int) -> dict[str, str]:
        """For the stage: nothing of the caller's own settings, DVC's included."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ASR_", "DVC_", "GIT_"))}
        home = {
            f"DVC_{name}": str(self.folder.parent / "dvc")
            for name in ("SITE_CACHE_DIR", "GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR")
        }
        return {**kept, **home, "DVC_NO_ANALYTICS": "1", "ASR_WORKERS": str(workers), "ASR_CACHE": str(self.cache)}


@dataclass(frozen=True)
class StageRun:
    """A run of the stage from nothing: the whole command, and the bytes of its output."""

    clips: int
    cost: Cost
    bytes: int


@dataclass(frozen=True)
class Appended:
    """`dvc repro` on a list, again when clips were added to it, and again when one clip in the middle is another.

    `cost`, `grown_cost` and `changed_cost` are of the stage's own command, the seconds of `dvc repro` have its start and its
    hashing on top.
    Bytes are counted once per inode: in DVC's cache, and (`disk_`) in that, the output and the stage's cache together.
    """

    clips: int
    added: int
    cost: Cost
    grown_cost: Cost
    changed_cost: Cost
    repro_seconds: float
    grown_repro_seconds: float
    changed_repro_seconds: float
    cache_bytes: int
    new_cache_bytes: int
    disk_bytes: int
    new_disk_bytes: int


def make_project(folder: Path) -> Project:
    """Copy the code; `folder` must not exist. The caches are inside it too, as hard links need one file system."""
    project = Project(folder / "project", folder / "cache")
    for name in ("asr", "stages", "bench"):
        shutil.copytree(HOME / name, project.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    params = (HOME / "params.yaml").read_text(encoding="utf-8")
    write_rows(project.folder / MIX, [])
    # The guide, beside which the stage is measured, makes no clips without speech, and the lists of clips tell of none.
    (project.folder / "params.yaml").write_text(re.sub(r"(?<=non_speech_share: )\S+", "0.0", params), encoding="utf-8")
    return project


def run_from_nothing(project: Project, entries: Sequence[AudioEntry], workers: int) -> StageRun:
    """Run the stage with neither an output nor a cache."""
    _clear(project)
    write_rows(project.folder / LIST, entries)
    cost = measure(STAGE, project.folder, project.environment(workers)).cost
    run = StageRun(len(entries), cost, sum(_inodes(project.folder / OUT).values()))
    _clear(project)
    return run


def fastest_from_nothing(project: Project, entries: Sequence[AudioEntry], workers: int, rounds: int) -> StageRun:
    """The fastest of several runs."""
    return min((run_from_nothing(project, entries, workers) for _ in range(rounds)), key=lambda run: run.cost.seconds)


def append(project: Project, entries: Sequence[AudioEntry], added: Sequence[AudioEntry], workers: int) -> Appended:
    """`dvc repro` with `entries`, then with `added` after them, then with another clip in the place of one."""
    start_dvc(project, workers)
    first, cost = repro(project, entries, workers)
    cached, everything = cache_inodes(project), _disk(project)
    grown, grown_cost = repro(project, [*entries, *added], workers)
    grown_cached, grown_everything = cache_inodes(project), _disk(project)
    middle = len(entries) // 2
    other = replace(entries[middle], id=f"other-{entries[middle].id}")
    changed, changed_cost = repro(project, [*entries[:middle], other, *entries[middle + 1 :], *added], workers)
    return Appended(
        clips=len(entries),
        added=len(added),
        cost=cost,
        grown_cost=grown_cost,
        changed_cost=changed_cost,
        repro_seconds=first.cost.seconds,
        grown_repro_seconds=grown.cost.seconds,
        changed_repro_seconds=changed.cost.seconds,
        cache_bytes=sum(cached.values()),
        new_cache_bytes=sum(grown_cached[inode] for inode in grown_cached.keys() - cached.keys()),
        disk_bytes=sum(everything.values()),
        new_disk_bytes=sum(grown_everything[inode] for inode in grown_everything.keys() - everything.keys()),
    )


def start_dvc(project: Project, workers: int) -> None:
    """Make the project one of DVC's, whose only stage is the features'."""
    (project.folder / "dvc.yaml").write_text(DVC_YAML, encoding="utf-8")
    dvc = (sys.executable, "-m", "dvc")
    for command in (
        ("git", "init", "--quiet"),
        (*dvc, "init", "--quiet"),
        (*dvc, "config", "core.autostage", "false"),
        (*dvc, "config", "cache.type", "hardlink,copy"),
    ):
        measure(command, project.folder, project.environment(workers))


def repro(project: Project, entries: Sequence[AudioEntry], workers: int) -> tuple[Ended, Cost]:
    """Run `dvc repro` on a list; gives also what the stage's command inside it cost."""
    write_rows(project.folder / LIST, entries)
    file = project.folder / COST
    file.unlink(missing_ok=True)  # so that a skipped stage is an error and not the figures of the run before
    ended = measure((sys.executable, "-m", "dvc", "repro"), project.folder, project.environment(workers))
    return ended, Cost(**json.loads(file.read_text(encoding="utf-8")))


def cache_inodes(project: Project) -> dict[tuple[int, int], int]:
    """The size of every file in DVC's cache, by its inode."""
    return _inodes(project.folder / ".dvc" / "cache" / "files")


def _disk(project: Project) -> dict[tuple[int, int], int]:
    places = (project.folder / OUT, project.cache)
    return {**cache_inodes(project), **{inode: size for place in places for inode, size in _inodes(place).items()}}


def _inodes(folder: Path) -> dict[tuple[int, int], int]:
    """The size of every file by its inode, as a hard link takes no space."""
    found = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return {(status.st_dev, status.st_ino): status.st_size for status in found}


def _clear(project: Project) -> None:
    for folder in (project.folder / OUT, project.cache):
        shutil.rmtree(folder, ignore_errors=True)
