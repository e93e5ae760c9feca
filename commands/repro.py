"""Check all settings, then run every stage whose inputs have changed, as `make repro` does.

What is added to the command goes to `dvc repro`: `python -m commands.repro --force train`. Where a default remote is set, what
a stage needs and isn't here is pulled, and what no stage needs stays where it is (`dvc repro --pull --allow-missing`).

SIGINT and SIGTERM end the running stage as Ctrl-C does, also where a script runs this in the background: training saves a
checkpoint, from which the next run goes on.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from asr.base.errors import DataError
from asr.machine.shutdown import end_with_parent
from commands.decisions import make_writable, take_over
from commands.leftovers import mend
from commands.lock import stale_stages
from commands.programs import surroundings
from commands.remote import default_remote, reaches_remote
from stages.common.command import telling_errors
from stages.common.outdated import is_outdated

TABLE = Path("metrics/report.txt")

SECONDS_BETWEEN_LOOKS = 1.0


def main(arguments: Sequence[str]) -> None:
    """Check and run; exit as DVC does."""
    from commands.check import main as check  # here, as --help needs none of it

    mend()
    take_over()
    check()
    remote = default_remote()
    code = reproduce([*(how_to_get(arguments) if remote else []), *arguments])
    make_writable()
    if code and is_outdated():
        print("repro: the run has not ended, and metrics/ says so in place of numbers; `make repro` goes on", file=sys.stderr)
    if code == 0 and remote and not arguments and not TABLE.exists():
        print(f"repro: the model and the report of this run are in {remote}: `dvc pull train report`", file=sys.stderr)
    sys.exit(code)


def how_to_get(arguments: Sequence[str]) -> list[str]:
    """The options by which what isn't here is taken for unchanged, and fetched when a stage needs it.

    To pull, DVC first copies the run-cache of all runs there have ever been, so it is spared when nothing would run.

    Raises:
        DataError: when the remote doesn't answer a CI job, which should not train for a day what it then can't push.
    """
    if not arguments and not stale_stages():
        return ["--allow-missing"]
    if reaches_remote():
        return ["--allow-missing", "--pull"]
    if os.environ.get("CI"):
        raise DataError("the remote has to answer a CI job; look at its address, the keys and the network")
    print("repro: going on with what is here", file=sys.stderr)
    return ["--allow-missing"]


def reproduce(arguments: Sequence[str]) -> int:
    """Run `dvc repro`; its exit code.

    It has a session of its own, so that a signal reaches its stage once, whether it comes from a terminal or from a CI runner,
    which tells this process alone.
    """
    running = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", *arguments],
        env=surroundings(),
        start_new_session=True,
        preexec_fn=begin_dvc,
    )
    told: set[int] = set()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if told and number == signal.SIGTERM:  # GitHub's second word, while the first is being heeded
            return
        told.update([running.pid, *stages_of(running.pid)])
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(running.pid, signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    while True:
        with suppress(subprocess.TimeoutExpired):
            return running.wait(SECONDS_BETWEEN_LOOKS)
        if told:
            end_later_stages(running.pid, told)


def begin_dvc() -> None:
    """In DVC's own process: end with this one, and heed Ctrl-C, which a script's background jobs are started to ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()


def stages_of(dvc: int) -> list[int]:
    """The stage that DVC runs, as dvc.yaml makes it DVC's own child."""
    try:
        return [child.pid for child in psutil.Process(dvc).children()]
    except psutil.NoSuchProcess:
        return []


def end_later_stages(dvc: int, told: set[int]) -> None:
    """Where the stage had just ended when it was told to, DVC goes on with the next, which hasn't heard of it."""
    for stage in stages_of(dvc):
        if stage not in told:
            told.add(stage)
            with suppress(ProcessLookupError):
                os.kill(stage, signal.SIGINT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m commands.repro",
        usage="%(prog)s [-h] [argument of dvc repro ...]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a script's background jobs are started to ignore
    with telling_errors("repro"):
        _, rest = parser.parse_known_args()
        main(rest)
