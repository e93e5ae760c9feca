"""A machine's first run: what it can do with the project, and how fast. No data, no network.

Random models of the released shapes on random frames; needs torch, transformers, accelerate and peft, and nothing that reads or
writes data. Every row is measured in a process of its own, so that one that fails is a row that says so. See bench/README.md.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from bench.gpu.plan import SKIPPED, Found, Part, allowed, planned
from bench.gpu.process import outcome
from bench.gpu.tables import capabilities_table, peak_of, speed_table
from bench.sizes import SHAPES

Results = dict[str, dict[str, Found]]
"""By table and row."""

Run = Callable[[Part, float], Found]


def main() -> None:
    """Do what fits into the time, and print each table as soon as its rows are there."""
    arguments = parsed()
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    results: Results = {}
    for title, rows in tables(planned(arguments.shape), 60 * arguments.minutes, outcome):
        results[title] = rows
        print(printed(title, rows, arguments.peak_tflops or peak_of(device_name(results))), flush=True)
    figures = {title: {name: asdict(found) for name, found in rows.items()} for title, rows in results.items()}
    print(json.dumps({"bench": "gpu", "shapes": arguments.shape, "minutes": arguments.minutes, "tables": figures}))


def parsed(command_line: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--shape", nargs="+", choices=SHAPES, default=["small"], help="models of random weights in these sizes (small)")
    add("--minutes", type=float, default=8.0, help="in which parts are begun, those of most worth first (8)")
    add("--peak-tflops", type=float, help="of the GPU in 16 bits: 989 for an H200 (an H100, H200 or A100 is known by its name)")
    return parser.parse_args(command_line)


def tables(parts: Sequence[Part], seconds: float, run: Run) -> Iterator[tuple[str, dict[str, Found]]]:
    """Each table's rows, once they are all there; parts that no time is left for are rows, too."""
    end = time.monotonic() + seconds
    for title, of_table in groupby(parts, key=lambda part: part.table):
        rows: dict[str, Found] = {}
        for part in of_table:
            limit = allowed(part, end - time.monotonic())
            found = run(part, limit) if limit else SKIPPED
            rows[part.name] = found
            progress = f"bench.gpu: {title}: {part.name}: {found.state}, {found.seconds:.1f} s  {found.said}"
            print(progress.rstrip(), file=sys.stderr, flush=True)
        yield title, rows


def device_name(results: Results) -> str:
    """As torch has it; empty where it is not known."""
    return str(results["Device"]["device"].figures.get("name", ""))


def printed(title: str, rows: dict[str, Found], peak_tflops: float | None) -> str:
    """A table as text."""
    return speed_table(title, rows, peak_tflops) if title.startswith("Speed") else capabilities_table(title, rows)


if __name__ == "__main__":
    main()
