"""Parameters of the trial of use."""

from pydantic import Field

from asr.base.sections import Section


class Usage(Section):
    """How many of the test split's recordings are heard in each condition, at most."""

    clips: int = Field(ge=1)
