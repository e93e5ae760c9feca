"""A stage or command without arguments: its help, its errors, its exit code."""

import argparse
import gc
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asr.base.errors import DataError


def begin(description: str | None) -> None:
    """Answer `--help` and refuse what is no argument, before a stage imports what takes seconds.

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
    gc.disable()


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
    for path in writes:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    with telling_errors(name):
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
