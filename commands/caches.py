"""What is kept beside the shards: models that were converted, TensorBoard's events, speeds, inspections and training runs.

What only saves time, or shows what was, may go when nobody has used it for long; so may a finished training run, whose result
is kept. One that has not ended holds hours of work, so it is told and never removed.
"""

import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from asr.base.hashes import LENGTH
from asr.recognition.loading import CONVERTED
from asr.runs.folders import is_finished_run, remove_finished
from asr.runs.kept import damaged_part, is_finished, last_use
from asr.shards.store import SECONDS_A_DAY
from stages.common.inspections import INSPECTIONS, inspections_file
from stages.common.machine import Machine, at_home
from stages.common.speeds import SPEEDS

HOME = Path(".cache")

NAMED = rf"(\.removed-)?[0-9a-f]{{{LENGTH}}}"
"""What we name our entries: in a place that machine.yaml gives, other programs may have theirs."""


@dataclass(frozen=True)
class Place:
    """A file or a folder. Of a folder's entries may go those with a name like `prunable` that is not among `spared`."""

    path: Path
    purpose: str
    prunable: str | None = None
    spared: Collection[str] = ()

    def unused(self, oldest: float) -> Iterator[Path]:
        """The entries that may go: of which no file has been written, and which nobody has used, since `oldest`."""
        for path in sorted(self.path.iterdir()) if self.prunable and self.path.is_dir() else ():
            is_ours = re.fullmatch(self.prunable or "", path.name) and not path.is_symlink()
            if is_ours and path.name not in self.spared and used_at(path) <= oldest:
                yield path


def places(machine: Machine) -> list[Place]:
    """Everything that is kept outside of the outputs, but for shards."""
    runs = machine.checkpoint_folder
    return [
        # tmp: of a conversion that was killed
        Place(CONVERTED, "checkpoints as faster-whisper runs them, made again when wanted", rf"{NAMED}|tmp\w+"),
        Place(
            machine.tensorboard_folder,
            "TensorBoard's events",
            NAMED,
            {path.name for path in _runs(runs) if not is_finished(path)},
        ),
        Place(at_home(SPEEDS), "how fast stages were, for the page", rf"{NAMED}\.js", _shown()),
        Place(inspections_file(), "what was found out about recordings, so that none is decoded twice"),
        Place(runs, "training runs, which go on from their checkpoints, or are taken as they are when wanted again"),
    ]


def show_places(machine: Machine) -> None:
    """Say how large each is and what it is for, and what else lies in .cache."""
    known = places(machine)
    for place in known:
        if place.path.exists():
            print(f"{place.path}: {megabytes(size(place.path))}: {place.purpose}")
    ours = [path.resolve() for path in (machine.cache_folder, *(place.path for place in known))]
    for path in sorted(at_home(HOME).iterdir()) if at_home(HOME).is_dir() else ():
        is_ours = any(each.is_relative_to(path.resolve()) for each in ours)
        if not is_ours and not path.name.startswith(INSPECTIONS.name):  # SQLite has a journal beside its file
            print(f"{path}: {megabytes(size(path))}: nothing that this version knows")
    _tell_runs(machine.checkpoint_folder)


def prune_places(machine: Machine, dry_run: bool, days: float) -> None:
    """Remove what nobody has used for so many days, and tell which training runs have not ended."""
    for place in places(machine):
        found = {path: size(path) for path in place.unused(time.time() - days * SECONDS_A_DAY)}
        for path in found if not dry_run else ():
            _remove(path)
        if found:
            doing = "would remove" if dry_run else "removed"
            print(f"{place.path}: {doing} {len(found):,} of {place.purpose}, {megabytes(sum(found.values()))}")
    _prune_runs(machine.checkpoint_folder, dry_run, time.time() - days * SECONDS_A_DAY)
    _tell_runs(machine.checkpoint_folder)


def repair_runs(folder: Path, dry_run: bool) -> None:
    """Remove the finished training runs in `folder` whose kept results are not as they were written."""
    for path in filter(is_finished_run, _runs(folder)):
        if part := damaged_part(path):
            doing = "would be removed" if dry_run else "removed"
            print(f"{part}: damaged; the finished training run {path} {doing}, and is trained anew when it is wanted again")
            if not dry_run:
                remove_finished(path)


def size(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; what goes meanwhile has none."""
    found = 0
    for each in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            found += each.lstat().st_size if not each.is_dir() else 0
    return found


def used_at(path: Path) -> float:
    """When a file, or a folder or anything in it, was last written or marked as used."""
    times = [0.0]
    for each in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            times.append(each.lstat().st_mtime)
    return max(times)


def megabytes(count: int) -> str:
    """A size, as the cache of shards tells its own."""
    return f"{count / 1e6:,.1f} MB"


def _remove(path: Path) -> None:
    """Remove an entry, which goes as a whole: half a model would be taken for one."""
    if path.is_dir():
        going = path.with_name(f".removed-{path.name.removeprefix('.removed-')}")
        path.rename(going)
        shutil.rmtree(going)
    else:
        path.unlink(missing_ok=True)


def _runs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _shown() -> set[str]:
    """The speeds that the pages here show."""
    pages = "".join(path.read_text(encoding="utf-8", errors="replace") for path in Path("metrics").glob("*.html"))
    return set(re.findall(r"[0-9a-f]+\.js", pages))


def _prune_runs(folder: Path, dry_run: bool, oldest: float) -> None:
    found = {path: size(path) for path in _runs(folder) if is_finished_run(path) and last_use(path) <= oldest}
    for path in found if not dry_run else ():
        remove_finished(path)
    if found:
        doing = "would remove" if dry_run else "removed"
        print(f"{folder}: {doing} {len(found):,} of finished training runs, {megabytes(sum(found.values()))}")


def _tell_runs(folder: Path) -> None:
    for path in _runs(folder):
        if is_finished(path):
            days = (time.time() - last_use(path)) / SECONDS_A_DAY
            print(f"  {path}: {megabytes(size(path))}, a finished training run, of use {days:.0f} days ago")
            continue
        days = (time.time() - used_at(path)) / SECONDS_A_DAY
        told = f"{megabytes(size(path))}, a training run that stopped {days:.0f} days ago, or runs"
        print(f"  {path}: {told}; if nobody will go on with it: rm -r {path}")
