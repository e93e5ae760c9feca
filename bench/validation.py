"""The validate stage beside decoding alone, on the same clips in one run: at first, and again when little has changed.

The last line is one JSON object with every figure. See bench/README.md for what is measured and how.
"""

import argparse
import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from asr.audio.decoding import read_recording
from asr.jobs.run import run_jobs
from asr.jobs.work import Work
from asr.machine.engine import Engine
from bench.process import measure, scratch_folder
from bench.project import HOME, Project, make_project
from bench.recordings import Kind, Recording, add_kind, make_recordings
from bench.tables import Target, aligned, at_least, at_most, number, targets_table

STAGE = (sys.executable, "-m", "stages.validate")
CLIPS_PER_JOB = 64
SPEAKERS = 100


@dataclass(frozen=True)
class Run:
    """A run on all clips: the whole command, with its start."""

    name: str
    clips: int
    seconds: float

    @property
    def clips_per_second(self) -> float:
        """Its speed."""
        return self.clips / self.seconds


def main() -> None:
    options = parse_options()
    with scratch_folder("bench.validation", options.folder) as scratch:
        run(options, scratch)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.validation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=20_000, help="(%(default)s)")
    add_kind(parser)
    parser.add_argument("--folder", type=Path, help="keep the clips here for the next run (without it: a temporary folder)")
    return parser.parse_args()


def run(options: argparse.Namespace, scratch: Path) -> None:
    workers = len(os.sched_getaffinity(0))
    added = max(1, options.clips // 100)
    kind = Kind(options.seconds, options.format, options.rate)
    recordings = make_recordings(options.folder or scratch, kind, options.clips + added)
    first, everything = recordings[: options.clips], recordings
    decoding = decode(first, workers)
    project = make_stage(scratch / "stage", Path(first[0].path).parent)
    runs = [decoding, validate("the first time", project, first, workers)]
    edited = [Recording(first[0].path, "one transcript is another"), *first[1:]]
    runs.append(validate("again, one transcript edited", project, edited, workers))
    runs.append(validate("again, 1 % more clips", project, everything, workers))
    now = time.time() - 60
    for recording in everything:
        os.utime(recording.path, (now, now))
    runs.append(validate("again, every file touched", project, everything, workers))
    targets = [
        at_least(
            "the first time over decoding alone, clips/s", runs[1].clips_per_second / decoding.clips_per_second, 0.5, " x"
        ),
        at_most("one transcript edited, of the first time", 100 * runs[2].seconds / runs[1].seconds, 10.0, " %"),
    ]
    print(f"{options.clips:,} clips of {options.seconds:g} s ({options.format}, {options.rate} Hz); {workers} cores\n")
    print(table(runs))
    print(targets_table(targets))
    print(json.dumps(figures(options, runs, targets)))


def make_stage(folder: Path, audio: Path) -> Project:
    """A project of the one stage, whose table names the clips in `audio`."""
    project = make_project(folder)
    params = yaml.safe_load((HOME / "params.yaml").read_text(encoding="utf-8"))
    params["data"].update(csv="clips.csv", audio_root=str(audio))
    (project.folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copy(HOME / "decisions.csv", project.folder)
    return project


def validate(name: str, project: Project, recordings: Sequence[Recording], workers: int) -> Run:
    """Run the stage on a table of the recordings."""
    print(f"bench.validation: {name}", file=sys.stderr, flush=True)
    with (project.folder / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["audios", "transcription", "speaker"])
        rows.writerows([Path(each.path).name, each.text, number % SPEAKERS] for number, each in enumerate(recordings))
    cost = measure(STAGE, project.folder, project.environment(workers)).cost
    return Run(name, len(recordings), cost.seconds)


def decode(recordings: Sequence[Recording], workers: int) -> Run:
    """Read and decode every file on all cores, and do nothing else."""
    print("bench.validation: decoding alone", file=sys.stderr, flush=True)
    paths = [recording.path for recording in recordings]
    jobs = [tuple(paths[start : start + CLIPS_PER_JOB]) for start in range(0, len(paths), CLIPS_PER_JOB)]
    start = time.perf_counter()
    for _ in run_jobs(Work(decode_files, _apart, _name), jobs, Engine(workers=workers)):
        pass
    return Run("decoding alone", len(paths), time.perf_counter() - start)


def decode_files(paths: tuple[str, ...]) -> None:
    """Decode files, as workers do."""
    for path in paths:
        read_recording(Path(path).read_bytes())


def _apart(paths: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return ((path,) for path in paths)


def _name(paths: tuple[str, ...]) -> str:
    return paths[0]


def table(runs: Sequence[Run]) -> str:
    """A line for each run, beside decoding and beside the first time."""
    alone, first = runs[:2]
    rows = [
        [
            each.name,
            f"{each.clips:,}",
            f"{each.seconds:.2f}",
            f"{each.clips_per_second:,.0f}",
            f"{each.clips_per_second / alone.clips_per_second:.2f}",
            number(None if each is alone else 100 * each.seconds / first.seconds, ".1f"),
        ]
        for each in runs
    ]
    return aligned("Validation", [["", "clips", "s", "clips/s", "x decoding", "% of the first time"], *rows])


def figures(options: argparse.Namespace, runs: Sequence[Run], targets: Sequence[Target]) -> dict[str, object]:
    about = {"bench": "validation", "clips": options.clips, "format": options.format, "rate": options.rate}
    return {**about, "runs": [asdict(each) for each in runs], "targets": [asdict(target) for target in targets]}


if __name__ == "__main__":
    main()
