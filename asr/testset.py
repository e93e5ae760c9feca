"""Test sets: besides the test split, speech that tuning must not make worse, from CSVs of its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from asr.manifest import Clip, TextEntry, iterate_rows
from asr.params import Section
from asr.text import Normalizer

TEST_SPLIT = "test"
"""The name of the split, which no other set may have."""


class Sets(Section):
    """What is tested besides the test split: names and CSVs."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    sets: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$")], str]

    @field_validator("sets")
    @classmethod
    def _none_is_the_split(cls, sets: dict[str, str]) -> dict[str, str]:
        if TEST_SPLIT in sets:
            raise ValueError(f"{TEST_SPLIT} is the test split's name: give the set another")
        return sets


class Evaluate(Sets):
    """Besides, how many points of WER worse a set may become. None: as many as it likes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    max_regression: float | None = Field(ge=0)


@dataclass(frozen=True)
class SetEntry:
    """A transcript, and the set it belongs to."""

    dataset: str
    id: str
    path: str
    text: str
    raw_text: str
    speaker: str | None
    extra: dict[str, str]


def set_entries(dataset: str, clips: Iterable[Clip], normalize: Normalizer) -> list[SetEntry]:
    """The transcripts of a set, normalised."""
    return [SetEntry(dataset, c.id, c.path, normalize(c.text), c.text, c.speaker, c.extra) for c in clips]


def read_texts(path: Path) -> dict[str, list[TextEntry]]:
    """The transcripts of each set in a file of SetEntry."""
    sets: dict[str, list[TextEntry]] = {}
    for row in iterate_rows(path, SetEntry):
        sets.setdefault(row.dataset, []).append(TextEntry(row.id, row.path, row.text, row.raw_text, row.speaker, row.extra))
    return sets
