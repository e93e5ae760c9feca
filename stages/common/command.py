"""A stage or command without arguments: its help, its errors, its exit code."""

import argparse
import gc
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asr.base.errors import DataError
from asr.machine.shutdown import end_with_parent
from stages.common.inputs import require_whole_inputs
from stages.common.outdated import outdate, remove


def begin(description: str | None) -> None:
    """Answer `--help` and refuse what is no argument, before a stage imports what takes seconds.

    Where it is a stage that is run, it ends with DVC from here on, and at once when it is interrupted before `run`; what the
    last run has found is outdated, even if the stage is killed at once.

    Until `run`, no garbage is collected: imports make hardly any, and looking for it is a third of their time.

    Args:
        description: the module's docstring.
    """
    module = Path(sys.argv[0])
    parser = argparse.ArgumentParser(
        prog=f"python -m {module.parent.name}.{module.stem}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    package, _, stage = _program().partition(".")
    if package == "stages":
        end_with_parent()  # now, as the imports take seconds in which DVC may die
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # else each import that is interrupted is a traceback
        outdate(stage)
    gc.disable()


def _program() -> str:
    """The module that Python was told to run by `-m`; blank without one."""
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else ""


def run(name: str, main: Callable[[], None], writes: Sequence[Path] = ()) -> None:
    """Run a stage: exit 1 with a message for bad data, 130 when interrupted; anything else is our bug and shows itself.

    Where DVC has started it, its inputs are compared with what was written (stages/common/inputs.py).

    Args:
        name: the stage.
        main: what it does.
        writes: its outputs that DVC keeps, which are removed first. DVC does so too, but not when a stage is run by hand: the
            files are then links into DVC's cache, and to write into them would change what is cached.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.freeze()  # what was imported stays
    gc.enable()
    with telling_errors(name):
        require_whole_inputs(name)
        for path in writes:
            remove(path)
        main()


@contextmanager
def telling_errors(name: str) -> Iterator[None]:
    """End the program as `run` does."""
    try:
        yield
    except DataError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)
