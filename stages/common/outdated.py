"""Outdated: what stage report wrote is taken away once another stage runs, so that a run that stops leaves nothing of an older.

The metrics, which git keeps and DVC compares, say so in place of their numbers. The page, the table, the card and the plots are
removed: another file in their place would be one that DVC doesn't know and asks about before it writes over it. When the run
ends, report writes all of them anew, or DVC restores them where nothing that it reads has changed.
"""

import shutil
from pathlib import Path

from asr.base.files import write_json

METRICS = Path("metrics")
SHOWN = tuple(METRICS / name for name in ("report.html", "report.txt", "card.md", "plots"))
"""What report writes besides its metrics, metrics/*.json."""
KEY = "outdated"
HARMLESS = ("describe",)
"""Stages that report reads nothing of."""


def outdate(stage: str) -> None:
    """Mark and remove what report wrote, before a stage begins. What isn't there is not made."""
    if stage in HARMLESS:
        return
    for path in sorted(METRICS.glob("*.json")):
        if not _is_marked(path):
            remove(path)
            write_json(path, {KEY: f"a run has begun since, at stage {stage}, and has not ended; `make repro` goes on with it"})
    for path in SHOWN:
        remove(path)


def is_outdated() -> bool:
    """Whether a stage has run since report did, or before report could."""
    return any(_is_marked(path) for path in METRICS.glob("*.json"))


def remove(path: Path) -> None:
    """Remove a file, a link or a folder that DVC may keep: to write into it would change what is cached.

    Raises:
        OSError: naming `path`, of which rmtree would name the last part of what is in it.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _is_marked(path: Path) -> bool:
    return path.read_bytes().startswith(b'{\n  "%s"' % KEY.encode())
