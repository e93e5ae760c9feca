"""Remove what Python compiled and a full disk cut short, which it then can't import: `make repro` runs this file by its path,
as Python compiles all that it imports.

Python writes such a file under another name first, but doesn't look whether all of it was written (until 3.13; gh-126606).
"""

import marshal
import os
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

STAMP = Path(".cache/compiled")
"""Its time is that of the last look; what is older was looked at."""

HEADER = 16
"""Bytes before the code."""

OVERLAP_NANOSECONDS = 2_000_000_000
"""File systems count time in steps of up to two seconds."""


def main() -> None:
    """Look at what was compiled since the last time."""
    now = time.time_ns()
    roots = [Path("asr"), Path("stages"), Path("commands"), Path(sysconfig.get_path("purelib"))]
    since = STAMP.stat().st_mtime_ns - OVERLAP_NANOSECONDS if STAMP.exists() else 0
    for path in cut_short(roots, since):
        path.unlink()
        print(f"repro: {path}: cut short; removed, Python makes it anew", file=sys.stderr)
    with suppress(OSError):  # the disk is full still, or not ours to write to
        STAMP.parent.mkdir(exist_ok=True)
        STAMP.touch()
        os.utime(STAMP, ns=(now, now))


def cut_short(roots: list[Path], since: int) -> Iterator[Path]:
    """Find files that can't be loaded, of those that are no older than `since`, in nanoseconds since 1970."""
    for root in roots:
        for place, _, names in os.walk(root):
            folder = Path(place)
            if folder.name == "__pycache__" and folder.stat().st_mtime_ns >= since:
                for name in names:
                    path = folder / name
                    if name.endswith(".pyc") and path.stat().st_mtime_ns >= since and not is_whole(path):
                        yield path


def is_whole(path: Path) -> bool:
    """Whether Python can load what it compiled."""
    try:
        marshal.loads(path.read_bytes()[HEADER:])
    except (EOFError, ValueError, TypeError):
        return False
    return True


if __name__ == "__main__":
    main()
