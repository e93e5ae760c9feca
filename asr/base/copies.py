"""Copies: the clips of test sets whose recording is in train or validation, too, as a file of rows."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, cast

from asr.base.files import read_csv, reading, write_csv

How = Literal["same audio", "sounds alike"]
"""How two clips are known to be of one recording: by the file's bytes, or by their fingerprints."""


@dataclass(frozen=True)
class Copy:
    """A clip of the test set `dataset` whose recording is in a split, too.

    Attributes:
        path: the set's clip, with the part of the file that it is.
        split: train or validation.
        copy_of: a clip of that split, likewise; of several the first one.
    """

    dataset: str
    path: str
    split: str
    copy_of: str
    how: How


def write_copies(path: Path, copies: Iterable[Copy]) -> None:
    """Write copies as CSV, a row for each."""
    write_csv(path, [field.name for field in fields(Copy)], map(vars, copies))


def read_copies(path: Path) -> list[Copy]:
    """Read what `write_copies` wrote."""
    with reading(path):
        return [
            Copy(row["dataset"], row["path"], row["split"], row["copy_of"], cast(How, row["how"])) for row in read_csv(path)
        ]
