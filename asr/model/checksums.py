"""Checksums: SHA256SUMS, a hash of each file of a folder in the format of `sha256sum`, which tells a cut or changed file."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from asr.base.errors import DataError
from asr.model.hub import first_line

SUMS = "SHA256SUMS"
UNFINISHED = f"{SUMS}.unfinished"

LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\]+)")
"""A file of the folder itself: the sums may come from elsewhere, and nothing outside of it is opened because of them."""

REMEDY = "run `make repair`"
"""As in asr/shards/format.py, which training must not import, as it needs pyarrow."""


def write_sums(folder: Path) -> None:
    """Write the sums of the files in `folder` itself. They appear at once, so a folder that has them is done."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name not in (SUMS, UNFINISHED))
    lines = [f"{_sha256(path)}  {path.name}\n" for path in files]
    (folder / UNFINISHED).write_text("".join(lines), encoding="utf-8", newline="\n")
    (folder / UNFINISHED).replace(folder / SUMS)


def read_sums(folder: Path) -> dict[str, str]:
    """The hash of each file, by its name; empty where there are no sums, or they can't be read."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    found = [LINE.fullmatch(line) for line in lines]
    return {match[2]: match[1] for match in found if match} if all(found) else {}


def damaged_file(folder: Path) -> Path | None:
    """The first file that is not as it was when the sums were written; None when all are, or there are no sums."""
    if not (folder / SUMS).exists():
        return None
    sums = read_sums(folder)
    return next((folder / name for name in sums if not _is_whole(folder / name, sums[name])), None if sums else folder / SUMS)


def require_as_written(folder: Path, remedy: str = REMEDY) -> None:
    """Stop when a file of a model is not as it was when the sums were written.

    Args:
        folder: of the model.
        remedy: what to do then.

    Raises:
        DataError: with the file and the remedy.
    """
    if (path := damaged_file(folder)) is not None:
        what = "damaged, its bytes are not those that were written" if path.exists() else "not there"
        raise DataError(f"{path}: {what}; {remedy}")


def require_whole(folder: Path, remedy: str = REMEDY) -> None:
    """Stop when a file of a model is damaged. Where there are no sums, as in a folder from elsewhere, JSON alone is looked at.

    Args:
        folder: of the model.
        remedy: what to do then.

    Raises:
        DataError: with the file and the remedy.
    """
    require_as_written(folder, remedy)
    # Libraries pass over a generation_config.json or preprocessor_config.json that is cut, and take what they like.
    for path in () if (folder / SUMS).exists() else sorted(folder.glob("*.json")):
        try:
            json.loads(path.read_bytes())
        except ValueError as error:
            raise DataError(f"{path}: cut off, or no JSON ({first_line(error)}); {remedy}") from error


@contextmanager
def loading(folder: Path, remedy: str = REMEDY) -> Iterator[None]:
    """Around what loads a model: `require_whole`, and a line for what can't be read all the same, as cut weights without sums.

    Raises:
        DataError: with the place and the remedy.
    """
    require_whole(folder, remedy)
    try:
        yield
    except (SafetensorError, EOFError, RuntimeError) as error:
        raise DataError(f"{folder}: can't be loaded ({first_line(error)}); {remedy}") from error


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return path.is_file() and _sha256(path) == sha256
    except OSError:  # a bad sector
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
