"""A stage as a command: its help, its errors, its exit code."""

import argparse
import sys
from collections.abc import Callable

from asr.errors import DataError


def run(name: str, description: str | None, main: Callable[[], None]) -> None:
    """Run a stage: exit 1 with a message for bad data, 130 when interrupted; anything else is our bug and shows itself."""
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{name}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    try:
        main()
    except DataError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)
