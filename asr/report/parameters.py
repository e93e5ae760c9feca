"""Parameters of the report."""

from pydantic import ConfigDict, Field

from asr.base.sections import Section


class Regression(Section):
    """How many points of the error rate worse a test set may become. None: as many as it likes."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)

    max_regression: float | None = Field(ge=0)


class Export(Section):
    """How many points of the error rate the exported model may surely be worse than the tuned one in whole windows. None: as
    many as it likes.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)

    max_wer_increase: float | None = Field(ge=0)
