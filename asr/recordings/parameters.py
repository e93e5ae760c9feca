"""Parameters of the recordings: where they are, which are kept, how they are divided."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from asr.base.entries import TEST_SPLIT
from asr.base.sections import Section
from asr.tables.table import ColumnNames, Format


class Data(Section):
    """Where the recordings are, and how many bad rows are too many."""

    csv: str
    format: Format
    audio_root: str
    audio_column: str | None
    text_column: str | None
    speaker_column: str | None
    language_column: str | None
    channel: int | None = Field(ge=0)
    min_clips: int = Field(ge=1)
    max_reject_share: float = Field(ge=0, le=1)

    @property
    def columns(self) -> ColumnNames:
        """The columns that are named."""
        return ColumnNames(self.audio_column, self.text_column, self.speaker_column, self.language_column)


class Split(Section):
    """How clips are divided."""

    method: Literal["stable", "random"]
    column: str | None = "auto"
    group_by: Literal["speaker", "audio"]
    stratify: str | None = None
    validation_share: float = Field(gt=0, lt=1)
    test_share: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0, lt=2**32)
    near_same: Literal["fail", "warn"] = "fail"
    disjoint_text: bool = False

    @model_validator(mode="after")
    def _speakers_are_not_divided(self) -> "Split":
        if self.stratify == self.group_by == "speaker":
            raise ValueError("split.stratify: speaker gives each split a part of each speaker; it needs split.group_by audio")
        return self


class Filter(Section):
    """Which clips are kept. None is no limit."""

    min_characters: int = Field(ge=0)
    max_characters: int | None = Field(ge=1)
    min_seconds: float = Field(ge=0)
    max_seconds: float = Field(gt=0)


class ExtraSets(Section):
    """What is tested besides the test split: names and CSVs."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    sets: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$")], str]
    validation_share: float = Field(ge=0, lt=1)

    @field_validator("sets")
    @classmethod
    def _none_is_the_split(cls, sets: dict[str, str]) -> dict[str, str]:
        if TEST_SPLIT in sets:
            raise ValueError(f"{TEST_SPLIT} is the test split's name: give the set another")
        return sets
