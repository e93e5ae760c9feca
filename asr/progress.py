"""Progress of a long loop: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 30.0


def track(items: Iterable[Item], total: int, what: str, unit: str = "clip") -> Iterator[Item]:
    """Yield `items` unchanged, showing rate and time left on stderr.

    Args:
        items: what to iterate over.
        total: how many there will be.
        what: the work's name, for example "validate".
        unit: what one item is called.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=unit, leave=False, dynamic_ncols=True)
        return
    start = spoke = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - spoke >= SECONDS_BETWEEN_LINES and done < total:
            rate = done / (now - start)
            left = (total - done) / rate
            print(f"{what}: {done:,} of {total:,} {unit}s, {rate:.1f} {unit}s/s, {left:.0f} s left", file=sys.stderr)
            spoke = now
