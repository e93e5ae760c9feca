"""Progress of a long loop: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 30.0


def track(
    items: Iterable[Item], total: int, what: str, unit: str = "clip", size: Callable[[Item], int] = lambda item: 1
) -> Iterator[Item]:
    """Yield `items` unchanged, showing rate and time left on stderr.

    Args:
        items: what to iterate over.
        total: how many units there will be.
        what: the work's name, for example "validate".
        unit: what is counted.
        size: the units that an item stands for.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, desc=what, unit=unit, leave=False, dynamic_ncols=True) as bar:
            for item in items:
                bar.update(size(item))
                yield item
        return
    start = spoke = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += size(item)
        now = time.monotonic()
        if now - spoke >= SECONDS_BETWEEN_LINES and done < total:
            rate = done / (now - start)
            left = (total - done) / rate
            print(f"{what}: {done:,} of {total:,} {unit}s, {rate:.1f} {unit}s/s, {left:.0f} s left", file=sys.stderr)
            spoke = now


class Lines:
    """A file for a bar in a log: each time that it is drawn becomes a line on stderr."""

    def write(self, drawn: str) -> None:
        """Write what is more than blanks that wipe out what was drawn before."""
        if line := drawn.strip():
            print(line, file=sys.stderr)

    def flush(self) -> None:
        """Nothing is kept back."""


def download_bar() -> Any:
    """What huggingface_hub is to draw in place of its own bar, which shows on terminals alone; None on a terminal."""
    if sys.stderr.isatty():
        return None
    drawn = "{desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left"
    seconds = SECONDS_BETWEEN_LINES
    return partial(tqdm, file=Lines(), bar_format=drawn, delay=seconds, mininterval=seconds, maxinterval=seconds, leave=False)
