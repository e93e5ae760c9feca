"""A stage or command without arguments: its help, its errors, its exit code."""

import argparse
import errno
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asr.base.errors import DataError
from stages.common.outdated import outdate, remove
from stages.common.terminal import show_controls

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def begin(description: str | None) -> None:
    """Answer `--help` and refuse what is no argument, before a stage imports what takes seconds.

    Where it is a stage that is run, what the last run has found is outdated from here on, even if the stage is killed at once.

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
        with telling_errors(stage):
            outdate(stage)
    gc.disable()


def _program() -> str:
    """The module that Python was told to run by `-m`; blank without one."""
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else ""


def run(name: str, main: Callable[[], None], writes: Sequence[Path] = ()) -> None:
    """Run a stage: exit 1 with a message for bad data, 130 when interrupted; anything else is our bug and shows itself.

    Args:
        name: the stage.
        main: what it does.
        writes: its outputs that DVC keeps, which are removed first. DVC does so too, but not when a stage is run by hand: the
            files are then links into DVC's cache, and to write into them would change what is cached.
    """
    gc.freeze()  # what was imported stays
    gc.enable()
    with telling_errors(name):
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
    except DataError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if (told := mended_by_user(error)) is None:
            raise
        print(f"{name}: {told}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)


def mended_by_user(error: OSError) -> str | None:
    """Say where the system has refused something that is the user's to allow, and what to do; None for any other error."""
    if error.errno in FORBIDDEN and error.filename is not None:
        remedy = "allow this user to, or work in a folder of theirs (docs/machines.md#several-users)"
        return f"{error.filename}: {error.strerror}; {remedy}"
    return None
