"""A stage or command without arguments: its help, its errors, its exit code."""

import argparse
import errno
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
from stages.common.terminal import show_controls

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
FULL = ("No space left on device", "Disk quota exceeded", "database or disk is full", "PytorchStreamWriter failed writing file")


def begin(description: str | None) -> None:
    """Answer `--help` and refuse what is no argument, before a stage imports what takes seconds.

    Where it is a stage that is run, it ends with DVC from here on, and at once when it is interrupted before `run`; what the
    last run has found is outdated, even if the stage is killed at once.

    Until `run`, no garbage is collected: imports make hardly any, and looking for it is a third of their time.

    Args:
        description: the module's docstring.
    """
    show_controls("stdout", "stderr")
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
        with telling_errors(stage):
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
    """End the program as `run` does. On a terminal, control characters are shown; a file or a program gets stdout as it is."""
    show_controls("stderr")
    if sys.stdout.isatty():
        show_controls("stdout")
    try:
        yield
    except Exception as error:
        told = full_disk(error) or (str(error) if isinstance(error, DataError) else refused(error))
        if told is None:
            raise
        print(f"{name}: {told}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)


def full_disk(error: BaseException) -> str | None:
    """Say that a disk is full, where that is what an error comes of, and what to do; None where it comes of anything else.

    safetensors, torch and SQLite have no number for it, so their words count as well.
    """
    cause: BaseException | None = error
    while cause is not None:
        number = getattr(cause, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT) or any(words in str(cause) for words in FULL):
            place = getattr(cause, "filename", None) or Path.cwd()
            return f"{place}: no space left on the disk, or in the quota; make room, and run it again: what is whole stays"
        cause = cause.__cause__ or cause.__context__
    return None


def refused(error: Exception) -> str | None:
    """Say where the system has refused something that is the user's to allow, and what to do; None for any other error."""
    if isinstance(error, OSError) and error.errno in FORBIDDEN and error.filename is not None:
        remedy = "allow this user to, or work in a folder of theirs (docs/machines.md#several-users)"
        return f"{error.filename}: {error.strerror}; {remedy}"
    return None
