"""Manifests: lists of clips as JSON Lines, one row a line.

What the features stages read (`AudioEntry`) and what the labels come from (`TextEntry`) are kept in separate files, so that
editing a transcript changes no input of the features.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar


@dataclass(frozen=True)
class Clip:
    """A usable row. `path` starts at the project's folder; `rate` in Hz; `audio_hash` is of the file's bytes."""

    id: str
    line: int
    path: str
    audio_hash: str
    seconds: float
    rate: int
    channels: int
    text: str
    speaker: str | None
    extra: dict[str, str]


@dataclass(frozen=True)
class AudioEntry:
    """A clip's sound: where it is and what its bytes hash to."""

    id: str
    path: str
    audio_hash: str
    seconds: float


@dataclass(frozen=True)
class TextEntry:
    """A clip's words: `text` is normalised, `raw_text` as it was transcribed."""

    id: str
    path: str
    text: str
    raw_text: str
    speaker: str | None
    extra: dict[str, str]


Row = TypeVar("Row")


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """Write dataclass instances, one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Read what `write_rows` wrote."""
    return list(iterate_rows(path, kind))


def iterate_rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    """As `read_rows`, one by one."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield kind(**json.loads(line))


def count_rows(path: Path) -> int:
    """How many rows there are."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write one readable JSON object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
