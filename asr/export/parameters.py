"""Parameters of the export."""

from typing import Literal

from pydantic import ConfigDict

from asr.base.sections import Section

Quantization = Literal["int8", "int8_float16", "float16", "float32"]

WINDOW_SECONDS = 30
"""Of every model that faster-whisper can run."""


class Export(Section):
    """The format of the exported weights; None: no export. How many points it may lose is the report's."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)

    quantization: Quantization | None
