"""Mutated inputs: whatever is wrong with a table or its audio, every row is used or refused with a reason.

Each seed makes a set of four clips in one of the formats, with one thing wrong with it, and has it read and checked as stage
validate does. The last line is one JSON object with every figure. See bench/README.md for what is measured and how.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import asdict, dataclass
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.files import read_rows, write_rows
from asr.base.progress import track
from asr.machine.engine import Engine
from asr.recordings.clips import Checked, Source, check_rows
from asr.recordings.rejects import write_rejects
from asr.tables.table import ColumnNames, read_table
from bench.mutations import Input, mutate
from bench.small_sets import SmallSet, small_sets
from bench.tables import Target, aligned, at_most, targets_table

MOST_SECONDS = 10.0
MOST_BYTES = 2 * 10**9
ROOM = 3 * MOST_BYTES
"""Bytes of address space of a process: what asks for more fails instead of stopping the machine."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutated set.

    Attributes:
        fault: what should never be; "" where all is well.
        stopped: the message with which the whole table was refused; "" where it was read.
        used, refused: its rows.
        peak: bytes, of the process since its start.
    """

    seed: int
    format: str
    kind: str
    fault: str
    stopped: str
    used: int
    refused: int
    seconds: float
    peak: int


def main() -> None:
    options = parse_options()
    workers = len(os.sched_getaffinity(0))
    seeds = range(options.first, options.first + options.inputs)
    with suppress(KeyboardInterrupt):
        outcomes = list(track(try_all(seeds, workers), len(seeds), "bench.intake", "input"))
        for each in outcomes:
            if each.fault:
                print(f"seed {each.seed}: {each.format}, {each.kind}: {each.fault}", file=sys.stderr)
        print(table(outcomes))
        targets = goals(outcomes)
        print(targets_table(targets))
        print(json.dumps({"bench": "intake", "inputs": len(outcomes), "targets": [asdict(target) for target in targets]}))
        return
    sys.exit(130)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.intake", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=10_000, help="(%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed, to try one again (%(default)s)")
    return parser.parse_args()


def try_all(seeds: Sequence[int], workers: int) -> Iterator[Outcome]:
    """Try each seed in one of several processes; one that hangs or dies is an outcome, and another takes its place."""
    context = multiprocessing.get_context("spawn")
    running: dict[Connection, tuple[multiprocessing.process.BaseProcess, int, float]] = {}
    waiting = iter(seeds)

    def begin(connection: Connection | None, process: multiprocessing.process.BaseProcess | None) -> None:
        seed = next(waiting, None)
        if seed is None:
            if process is not None:
                process.kill()
            return
        if connection is None or process is None:
            connection, other = context.Pipe()
            process = context.Process(target=serve, args=(other,), daemon=True)
            process.start()
            connection.send(-1)  # its imports are not timed
            connection.recv()
        connection.send(seed)
        running[connection] = (process, seed, time.monotonic())

    for _ in range(workers):
        begin(None, None)
    while running:
        for connection in multiprocessing.connection.wait(list(running), timeout=1.0):
            assert isinstance(connection, Connection)
            process, seed, _ = running.pop(connection)
            try:
                outcome = connection.recv()
            except EOFError:
                process.join()
                outcome = _lost(seed, f"the process ended with {process.exitcode}")
                begin(None, None)
            else:
                begin(connection, process)
            yield outcome
        for connection, (process, seed, since) in list(running.items()):
            if time.monotonic() - since > 2 * MOST_SECONDS and not connection.poll():
                process.kill()
                del running[connection]
                yield _lost(seed, "hangs")
                begin(None, None)


def _lost(seed: int, fault: str) -> Outcome:
    sets = small_sets()
    with tempfile.TemporaryDirectory() as folder:
        made = mutate(sets, seed, Path(folder))
    return Outcome(seed, made.format, made.kind, fault, "", 0, 0, 2 * MOST_SECONDS, 0)


def serve(connection: Connection) -> None:
    """Try each seed that is sent."""
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    sets = small_sets()
    while True:
        seed = connection.recv()
        connection.send(None if seed < 0 else try_one(sets, seed))


def try_one(sets: list[SmallSet], seed: int) -> Outcome:
    """Mutate a set, read and check it, and look whether anything is wrong with what comes out."""
    folder = Path(tempfile.mkdtemp(prefix="intake-"))
    start = time.perf_counter()
    try:
        made = mutate(sets, seed, folder / "set")
        start = time.perf_counter()
        with redirect_stderr(StringIO()):
            checked, stopped, fault = _take_in(made, folder)
        seconds = time.perf_counter() - start
    finally:
        shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Outcome(
        seed, made.format, made.kind, fault, stopped, len(checked.clips), len(checked.rejects), seconds, peak
    )  # fmt: skip


def _take_in(made: Input, folder: Path) -> tuple[Checked, str, str]:
    nothing = Checked([], [])
    try:
        table = read_table(made.table, ColumnNames(None, None, None, None), "auto", folder / "unpacked")
        root = table.root or (made.table if made.table.is_dir() else made.table.parent)
        checked = check_rows(table.rows, Source(str(root)), folder / "kept.sqlite", Engine(workers=0))
        return checked, "", _fault(made, checked, len(table.rows), folder)
    except DataError as error:
        return nothing, str(error), "" if made.rows is None else "the whole table is refused for one clip's sake"
    except Exception:
        return nothing, "", traceback.format_exc(limit=-3)


def _fault(made: Input, checked: Checked, rows: int, folder: Path) -> str:
    """What is wrong with what came out."""
    if len(checked.clips) + len(checked.rejects) != rows:
        return f"of {rows} rows, {len(checked.clips)} are used and {len(checked.rejects)} refused"
    if made.rows not in (None, rows):
        return f"{rows} rows, where there were {made.rows}"
    if not all(each.reason and each.detail and each.remedy and each.line > 0 for each in checked.rejects):
        return "a row is refused without a line, a reason or a remedy"
    write_rows(folder / "clips.jsonl", checked.clips)
    write_rejects(folder / "rejects.csv", checked.rejects)
    return "" if len(read_rows(folder / "clips.jsonl", Clip)) == len(checked.clips) else "what was written can't be read again"


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each kind of mutation."""
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        by_kind[each.kind].append(each)
    rows = [
        [
            kind,
            str(len(some)),
            str(sum(bool(each.stopped) for each in some)),
            str(sum(each.used for each in some)),
            str(sum(each.refused for each in some)),
            f"{max(each.seconds for each in some):.2f}",
            str(sum(bool(each.fault) for each in some)),
        ]
        for kind, some in sorted(by_kind.items())
    ]
    header = ["", "inputs", "tables refused", "rows used", "rows refused", "slowest, s", "faults"]
    return aligned("Mutated inputs", [header, *rows])


def goals(outcomes: Sequence[Outcome]) -> list[Target]:
    """What should hold for all of them."""
    faults = Counter(each.fault.strip().rpartition("\n")[2] for each in outcomes if each.fault)
    return [
        at_most("tracebacks, lost rows, dead processes", float(sum(faults.values())), 0.0, ""),
        at_most("the slowest input", max(each.seconds for each in outcomes), MOST_SECONDS, " s"),
        at_most("the most memory of a process", max(each.peak for each in outcomes) / 1e6, MOST_BYTES / 1e6, " MB"),
    ]


if __name__ == "__main__":
    main()
