"""Training beside the article's trainer settings: same clips, same model, same number of samples, each side in a
process of its own.

The article: batches of 4, 16 of them to a step, gradient checkpointing, fp16 on CUDA, every clip in the whole window. Here:
params.yaml, in each window mode. See bench/README.md for what is measured and how.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from asr.scoring.interval import Interval
from bench.process import Cost
from bench.settings import HOME
from bench.sides import Options, Run, measured
from bench.sizes import SHAPES
from bench.tables import MEGABYTE, NOTHING, Target, aligned, at_least, at_most, targets_table

SIDES = ("article", "full", "fit", "pack")


def main() -> None:
    """Run every side and print the tables."""
    arguments = parsed()
    options = Options(
        data=str(arguments.data),
        cache=str(arguments.cache),
        model=arguments.model or arguments.shape,
        epochs=arguments.epochs,
        clips=arguments.clips,
        seed=arguments.seed,
        score=arguments.model is not None,
    )
    runs: dict[str, tuple[Run, Cost]] = {}
    for side in arguments.sides:
        print(f"bench.training: {side}", file=sys.stderr)
        runs[side] = measured(side, options)
    print(heading(options, runs))
    print(table(runs, arguments.peak_tflops))
    print(targets_table(targets(runs)))
    figures = {side: {**asdict(run), **asdict(cost)} for side, (run, cost) in runs.items()}
    print(json.dumps({"bench": "training", "options": asdict(options), "sides": figures}))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--shape", choices=SHAPES, default="tiny", help="a model of random weights in this size (tiny)")
    add("--model", help="a checkpoint's folder instead; then the test split's WER is printed too")
    add("--data", type=Path, default=HOME, help="a project whose features stages have run (this one)")
    add("--cache", type=Path, default=HOME / ".cache" / "features", help="its cache of shards")
    add("--clips", type=int, default=192, help="training clips at most, 0: all (192)")
    add("--epochs", type=int, default=1, help="over them (1)")
    add("--seed", type=int, default=42, help="of the order of clips (42)")
    add("--sides", nargs="+", choices=SIDES, default=SIDES, help="what to run (all)")
    add("--peak-tflops", type=float, help="of the GPU in the sides' format, for the utilisation: 989 for an H200 in bf16")
    return parser.parse_args()


def heading(options: Options, runs: dict[str, tuple[Run, Cost]]) -> str:
    run = next(iter(runs.values()))[0]
    return f"{options.model}, {run.clips} timed clips of {options.data}, after the first step's; {os.cpu_count()} cores\n"


def table(runs: dict[str, tuple[Run, Cost]], peak_tflops: float | None) -> str:
    """A line a side."""
    base = runs.get("article")
    head = [
        "",
        "precision",
        "at once",
        "clips/s",
        "x article",
        "ms/clip",
        "peak MB",
        "waited",
        "loader alone",
        "utilised",
        "WER",
        "95 %",
    ]
    rows = [head]
    for side, (run, cost) in runs.items():
        speed = run.clips / run.seconds
        rows.append(
            [
                side,
                run.precision,
                str(run.rows_at_once),
                f"{speed:.2f}",
                f"{speed * base[0].seconds / base[0].clips:.1f}" if base else "-",
                f"{1000 / speed:.1f}",
                f"{(run.cuda_bytes or cost.peak_rss) / MEGABYTE:,.0f}",
                f"{run.waited / run.seconds:.1%}",
                f"{run.loader_clips_per_second / speed:.0f} x" if run.loader_clips_per_second else "-",
                f"{run.flops_per_clip * speed / (1e12 * peak_tflops):.1%}" if peak_tflops else "-",
                *((f"{run.wer:.2f}", between(run.corpus.interval(run.errors))) if run.words else ("-", "-")),
            ]
        )
    return aligned("Training", rows)


def between(found: Interval | None) -> str:
    """An interval's ends; a dash where nobody can tell."""
    return f"{found.low:.2f} to {found.high:.2f}" if found else NOTHING


def targets(runs: dict[str, tuple[Run, Cost]]) -> list[Target]:
    """What the figures should reach."""
    found = []
    if "article" in runs:
        article = runs["article"][0]
        for side in ("fit", "pack"):
            if side not in runs:
                continue
            run = runs[side][0]
            ratio = (run.clips / run.seconds) / (article.clips / article.seconds)
            found.append(at_least(f"{side}: clips/s over the article's", ratio, 8, " x"))
            if run.words:
                over = run.corpus.difference(article.errors, run.errors).interval
                low = over.low if over else None
                found.append(at_most(f"{side}: WER over the article's, lower end of the 95 % interval", low, 0, " points"))
    for side, (run, _) in runs.items():
        if run.loader_clips_per_second:
            found.append(
                at_least(
                    f"{side}: loader alone over what the model takes",
                    run.loader_clips_per_second * run.seconds / run.clips,
                    5,
                    " x",
                )
            )
            found.append(at_most(f"{side}: waiting for the loader", 100 * run.waited / run.seconds, 5, " %"))
    return found


if __name__ == "__main__":
    main()
