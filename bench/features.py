"""The features stage beside the article's preparation and beside decoding alone, on the same clips in one run.

Three tables: what a clip costs, what 1 % more clips cost, and how time and memory grow. Then the targets, and as the last
line one JSON object with every figure. See bench/README.md for what is measured and how.
"""

import argparse
import json
import math
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asr.base.entries import AudioEntry
from asr.base.files import write_rows
from bench.features_tables import Side, appended_table, further_ms, growth, sides_table, sizes_table, whole_ms
from bench.process import measure, scratch_folder
from bench.project import HOME, Appended, Project, StageRun, append, fastest_from_nothing, make_project, run_from_nothing
from bench.recordings import Clip, Kind, add_kind, make_recordings, read_recordings, usable_clips
from bench.tables import Target, at_least, at_most, targets_table

FEW_CLIPS = 2000
"""With so few, a run is short beside the noise of a machine; the fastest of several rounds counts."""


def main() -> None:
    options = parse_options()
    with scratch_folder("bench.features", options.folder) as scratch:
        run(options, scratch)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.features", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=20_000, help="clips of the first two tables (%(default)s)")
    parser.add_argument("--article-clips", type=int, default=200, help="how many of them the article's way gets (%(default)s)")
    parser.add_argument("--sizes", type=_sizes, default=[1000, 5000, 20_000], help="of the third table (1000,5000,20000)")
    add_kind(parser)
    parser.add_argument("--csv", type=Path, help="measure the clips of this CSV instead (columns audios,transcription)")
    parser.add_argument("--audio-root", type=Path, help="where the CSV's paths start; without it, the CSV's folder")
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help=f"of (a), (b) and of up to {FEW_CLIPS} clips so many runs are made; the fastest counts (%(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="keep the clips that are made here, for the next run; scratch files go here too, some 3 GB at 20,000 clips "
        "(without it: a temporary folder, which TMPDIR moves)",
    )
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    return sorted({int(size) for size in text.split(",")})


def run(options: argparse.Namespace, scratch: Path) -> None:
    workers = len(os.sched_getaffinity(0))
    clips = gather(options, scratch)
    count = min(options.clips, len(clips) * 100 // 101)
    if count < 4:
        sys.exit(f"bench.features: {len(clips)} usable clips are too few")
    entries = [clip.entry for clip in clips]
    project = make_project(scratch / "stage")
    sides = measure_sides(clips[:count], options, project, workers)
    added = max(1, count // 100)
    say(f"(c) under DVC, {count:,} clips and then {added:,} more")
    appended = append(make_project(scratch / "dvc"), entries[:count], entries[count : count + added], workers)
    runs = measure_sizes(project, entries, sorted({min(size, len(entries)) for size in options.sizes}), options.rounds, workers)
    targets = [*side_targets(sides), *appended_targets(appended), *size_targets(runs)]
    mean_seconds = sum(entry.seconds for entry in entries[:count]) / count
    source = str(options.csv) if options.csv else f"made here, {options.format}, {options.rate} Hz"
    print(f"Clips of {mean_seconds:.2f} s ({source}); {workers} cores\n")
    print(sides_table(list(sides.values()), sides["article"], sides["decode"]))
    print(appended_table(appended))
    print(sizes_table(runs))
    print(targets_table(targets))
    about = {"bench": "features", "source": source, "clips": count, "mean_seconds": mean_seconds, "cores": workers}
    print(json.dumps({**about, **figures(sides, appended, runs, targets)}))


def gather(options: argparse.Namespace, scratch: Path) -> list[Clip]:
    """The clips of the CSV, or as many as the tables need."""
    if options.csv:
        return usable_clips(read_recordings(options.csv, options.audio_root or options.csv.parent))
    wanted = max(options.clips + math.ceil(options.clips / 100), *options.sizes)
    return usable_clips(make_recordings(options.folder or scratch, Kind(options.seconds, options.format, options.rate), wanted))


def measure_sides(clips: Sequence[Clip], options: argparse.Namespace, project: Project, workers: int) -> dict[str, Side]:
    """(a), (b) and (c)."""
    entries, scratch = [clip.entry for clip in clips], project.folder.parent
    rounds = options.rounds if len(clips) <= FEW_CLIPS else 1
    # Once unmeasured: the copied code is compiled to bytecode, and the libraries come into memory.
    run_from_nothing(project, entries[:2], 1)
    article = measure_article(clips[: options.article_clips], options.rounds, scratch)
    decoding, extracting = measure_core(entries, options.rounds, scratch)
    say("(c) the stage: one worker, all cores")
    return {
        "article": article,
        "decode": decoding,
        "extract": extracting,
        "one_worker": _stage_side("(c) the stage, 1 worker", fastest_from_nothing(project, entries, 1, rounds)),
        "all_cores": _stage_side(f"(c) the stage, {workers} workers", fastest_from_nothing(project, entries, workers, rounds)),
    }


def _stage_side(name: str, run: StageRun) -> Side:
    return Side(name, run.clips, run.cost.seconds, run.cost.cpu_seconds, run.bytes, run.cost.peak_rss)


def measure_article(clips: Sequence[Clip], rounds: int, scratch: Path) -> Side:
    say(f"(a) the article, {len(clips):,} clips")
    listed = scratch / "recordings.jsonl"
    write_rows(listed, [clip.recording for clip in clips])
    peak, told = _python("bench.article", scratch, str(listed), str(scratch / "article"), str(rounds))
    shutil.rmtree(scratch / "article")
    name = f"(a) the article, warm ({told['filter_seconds'] / told['seconds']:.0%} filter)"
    return Side(name, told["clips"], told["seconds"], told["cpu_seconds"], told["bytes"], peak)


def measure_core(entries: Sequence[AudioEntry], rounds: int, scratch: Path) -> tuple[Side, Side]:
    """(b) and the work of (c), in turn in one process."""
    few = entries[:FEW_CLIPS]
    say(f"(b) decoding, and (c) on one core, {len(few):,} clips")
    listed = scratch / "list.jsonl"
    write_rows(listed, few)
    _, told = _python("bench.core", scratch, str(listed), str(scratch / "core"), str(rounds))
    names = {"decode": "(b) decoding alone, warm, one core", "extract": "(c) the work, warm, one core"}
    decoding, extracting = (
        Side(name, len(few), told[key]["seconds"], told[key]["cpu_seconds"], None, None) for key, name in names.items()
    )
    return decoding, extracting


def _python(module: str, scratch: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a side that prints a JSON object on its last line; its peak RSS comes with it."""
    # `datasets` puts what has no file of its own into the temporary folder.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TMPDIR": str(scratch)}
    ended = measure((sys.executable, "-m", module, *arguments), HOME, environment)
    return ended.cost.peak_rss, json.loads(ended.stdout.splitlines()[-1])


def measure_sizes(
    project: Project, entries: Sequence[AudioEntry], sizes: Sequence[int], rounds: int, workers: int
) -> list[StageRun]:
    """The whole stage on the first clips, from few to many."""
    runs = []
    for size in sizes:
        say(f"(c) {size:,} clips")
        runs.append(fastest_from_nothing(project, entries[:size], workers, rounds if size <= FEW_CLIPS else 1))
    return runs


def side_targets(sides: dict[str, Side]) -> list[Target]:
    article, whole = sides["article"], sides["all_cores"]
    per_core = sides["one_worker"].ms_per_clip / sides["decode"].ms_per_clip
    faster = whole.clips_per_second / article.clips_per_second
    smaller = (article.bytes_per_clip or 0.0) / (whole.bytes_per_clip or math.inf)
    return [
        at_most("(c) the stage, 1 worker, over (b)", per_core, 2.2, " x"),
        at_least("(c) on all cores over (a), clips/s", faster, 30.0, " x"),
        at_least("(a)'s bytes a clip over (c)'s", smaller, 15.0, " x"),
    ]


def appended_targets(appended: Appended) -> list[Target]:
    limit = 0.03 * appended.cost.seconds + 2.0
    new = 100 * appended.new_cache_bytes / appended.cache_bytes
    return [
        at_most("+1 %: the stage's time (limit: 3 % of the full time, and 2 s)", appended.grown_cost.seconds, limit, " s"),
        at_most("+1 %: new bytes in DVC's cache", new, 2.0, " %"),
        at_most("one clip is another: the stage's time", appended.changed_cost.seconds, 1.5, " s"),
    ]


def size_targets(runs: Sequence[StageRun]) -> list[Target]:
    """Of the largest size beside the one before; less than before is not a miss."""
    last = len(runs) - 1
    before = runs[-2] if last else None
    span = f"{before.clips:,} -> {runs[-1].clips:,} clips" if before else "one size only"
    memory = growth(runs[-1].cost.peak_rss, before.cost.peak_rss) if before else None
    whole = growth(whole_ms(runs[-1]), whole_ms(before)) if before else None
    further = growth(further_ms(runs, last), further_ms(runs, last - 1)) if before else None
    return [
        at_most(f"{span}: growth of peak RSS", memory, 10.0, " %"),
        at_most(f"{span}: growth of time a clip, whole command", whole, 5.0, " %"),
        at_most(f"{span}: growth of time a further clip", further, 5.0, " %"),
    ]


def figures(sides: dict[str, Side], appended: Appended, runs: Sequence[StageRun], targets: Sequence[Target]) -> dict[str, Any]:
    derived = ("clips_per_second", "ms_per_clip", "cpu_ms_per_clip", "bytes_per_clip")
    return {
        "sides": {key: {**asdict(side), **{name: getattr(side, name) for name in derived}} for key, side in sides.items()},
        "appended": asdict(appended),
        "sizes": [{**asdict(run), "ms_per_further_clip": further_ms(runs, index)} for index, run in enumerate(runs)],
        "targets": [asdict(target) for target in targets],
    }


def say(what: str) -> None:
    print(f"bench.features: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
