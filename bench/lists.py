"""Changed lists: what the features stage computes and stores when clips go, come, or stand in another order.

The stage runs under DVC on a list of clips, and then, each time from there, on the list as it is after one change. The last
line is one JSON object with every figure. See bench/README.md for what is measured and how.
"""

import argparse
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from asr.base.entries import AudioEntry
from bench.process import scratch_folder
from bench.project import Project, cache_inodes, make_project, repro, start_dvc
from bench.recordings import Kind, add_kind, make_recordings, usable_clips
from bench.tables import MEGABYTE, aligned, at_most, targets_table

SEED = 42


@dataclass(frozen=True)
class Changed:
    """A run on a list, of which `new` clips were not in the list before. DVC's cache has grown by `new_bytes`."""

    name: str
    clips: int
    new: int
    computed: int
    seconds: float
    new_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.lists", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=20_000, help="(%(default)s)")
    add_kind(parser)
    parser.add_argument(
        "--folder", type=Path, help="keep the clips that are made here, for the next run; scratch files go here too"
    )
    options = parser.parse_args()
    with scratch_folder("bench.lists", options.folder) as scratch:
        kind = Kind(options.seconds, options.format, options.rate)
        made = make_recordings(options.folder or scratch, kind, options.clips + max(1, options.clips // 10))
        run([clip.entry for clip in usable_clips(made)], options.clips, scratch)


def run(entries: Sequence[AudioEntry], count: int, scratch: Path) -> None:
    """Measure the list, and each change of it in a copy of what the first run left."""
    workers = len(os.sched_getaffinity(0))
    before, others = entries[:count], entries[count:]
    project = make_project(scratch / "before")
    start_dvc(project, workers)
    runs = [measure("the list as it was", project, before, before, workers)]
    for name, after in changes(before, others).items():
        copy = linked(project, scratch / "after")
        runs.append(measure(name, copy, before, after, workers))
        shutil.rmtree(scratch / "after")
    targets = [at_most(f"{each.name}: computed, and not new", each.computed - each.new, 0, "") for each in runs[1:]]
    print(table(runs))
    print(targets_table(targets))
    print(
        json.dumps({"bench": "lists", "runs": [asdict(each) for each in runs], "targets": [asdict(each) for each in targets]})
    )


def changes(before: Sequence[AudioEntry], others: Sequence[AudioEntry]) -> dict[str, list[AudioEntry]]:
    """The changed lists by their names."""
    draw = random.Random(SEED)

    def without(share: float) -> list[AudioEntry]:
        gone = set(draw.sample(range(len(before)), max(1, round(share * len(before)))))
        return [entry for place, entry in enumerate(before) if place not in gone]

    def mixed(some: Sequence[AudioEntry], more: Sequence[AudioEntry]) -> list[AudioEntry]:
        among = set(draw.sample(range(len(some) + len(more)), len(more)))
        one, other = iter(some), iter(more)
        return [next(other if place in among else one) for place in range(len(some) + len(more))]

    few = others[: max(1, len(before) // 100)]
    return {
        "1 % removed at random": without(0.01),
        "5 % removed at random": without(0.05),
        "reversed": list(before[::-1]),
        "sorted by another column": draw.sample(before, len(before)),
        "another split.seed: a tenth is others": mixed(without(0.1), others),
        "1 % new, at the end": [*before, *few],
        "1 % new, at random places": mixed(before, few),
    }


def measure(name: str, project: Project, before: Sequence[AudioEntry], after: Sequence[AudioEntry], workers: int) -> Changed:
    """Run the stage on a list."""
    print(f"bench.lists: {name}", file=sys.stderr, flush=True)
    known = cache_inodes(project)
    ended, cost = repro(project, after, workers)
    told = re.search(r"features of train: \d+ clips, (\d+) computed", ended.stderr)
    assert told is not None
    there = cache_inodes(project)
    new = {entry.id for entry in after} - {entry.id for entry in before}
    return Changed(
        name, len(after), len(new), int(told[1]), cost.seconds, sum(there[inode] for inode in there.keys() - known.keys())
    )


def linked(project: Project, folder: Path) -> Project:
    """Copy a project with its caches; a file in both is one by a hard link."""
    shutil.copytree(project.folder.parent, folder, copy_function=os.link, symlinks=True)
    return Project(folder / project.folder.name, folder / project.cache.name)


def table(runs: Sequence[Changed]) -> str:
    """A line for each list."""
    head = ["", "clips", "new", "computed", "stage, s", "new in DVC's cache, MB", "share"]
    rows = [
        [
            each.name,
            f"{each.clips:,}",
            f"{each.new:,}",
            f"{each.computed:,}",
            f"{each.seconds:.2f}",
            f"{each.new_bytes / MEGABYTE:,.1f}",
            f"{each.new_bytes / runs[0].new_bytes:.1%}",
        ]
        for each in runs
    ]
    return aligned("The features stage on a changed list", [head, *rows])


if __name__ == "__main__":
    main()
