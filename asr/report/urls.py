"""URLs: how a page finds the sound of a clip, or of a part of one, beside it on the disk."""

import os
import re
from pathlib import Path
from urllib.parse import quote

PART = re.compile(r"#(?=[tc])(t=[\d.e+]+(,[\d.e+]+)?)?&?(channel=\d+)?$")
"""What `asr.base.entries.part_of` writes behind a path."""


def seen_from(folder: Path, path: str) -> str:
    """Find a clip's file as a page in `folder` does, here or on the machine that has the recordings.

    An absolute path stays one: an experiment's copy lies deeper, and its page moves to the workspace.
    """
    return path if Path(path).is_absolute() else Path(os.path.relpath(path, folder)).as_posix()


def audio_url(path: str) -> str:
    """Make a clip's URL, a path whatever is in it: no scheme, as the colon is quoted, and no host, as one slash is kept.

    Which part of the file it is stays behind it (see `asr.base.entries.part_of`).
    """
    part = PART.search(path)
    quoted = quote(path.removesuffix(part[0] if part else ""), safe="/")
    return (f"/{quoted.lstrip('/')}" if quoted.startswith("/") else f"./{quoted}") + (part[0] if part else "")


def sound_url(folder: Path, path: str, start: float | str | None, end: float | str | None) -> str:
    """Make the URL by which a page in `folder` plays a file, or where seconds are given, its part from `start` to `end`."""
    start, end = ("" if each is None else each for each in (start, end))
    part = f"#t={start},{end}".removesuffix(",") if start != "" or end != "" else ""
    return f"{audio_url(seen_from(folder, path))}{part}"
