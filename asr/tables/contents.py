"""Contents: what a file or a folder of clips was found to hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asr.tables.row import BadRow, Row

Format = Literal["auto", "csv", "ljspeech", "jsonl", "audiofolder", "kaldi", "parquet", "subtitles"]
"""`auto`: found out."""


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        rows: in the file's order.
        format: what it was read as; never `auto`.
        told: lines for the log: how it is written, and what was found out.
        root: the folder in which its paths start; None: where the user says that they do.
        audio_column: the name of the column of paths; None: the format has no names of columns.
    """

    rows: Sequence[Row | BadRow]
    format: Format
    told: tuple[str, ...]
    root: Path | None = None
    audio_column: str | None = None
