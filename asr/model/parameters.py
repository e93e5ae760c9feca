"""Parameters of the model and of decoding."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from asr.base.sections import Section
from asr.base.text import Speech


class Model(Speech):
    """The checkpoint to start from, and what it is told of every recording that doesn't say its own language."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    name: str = Field(min_length=1)
    revision: str | None = Field(min_length=1)


class Decode(Section):
    """The way hypotheses are generated."""

    window: Literal["auto", "full"]
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"]
    max_new_tokens: int = Field(ge=1)
    num_beams: int = Field(ge=1)
    temperature: float = Field(ge=0)
    repetition_penalty: float = Field(gt=0)
    no_repeat_tokens: int = Field(ge=0)
    suppress: Literal["none", "non_speech"]
    seed: int = Field(ge=0, lt=2**32)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.temperature and self.num_beams > 1:
            raise ValueError("temperature draws tokens and num_beams ranks them: set temperature to 0 or num_beams to 1")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of the model's `generate`; what is left out is off."""
        options: dict[str, Any] = {"num_beams": self.num_beams}
        if self.temperature:
            options["temperature"] = self.temperature
        if self.repetition_penalty != 1:
            options["repetition_penalty"] = self.repetition_penalty
        if self.no_repeat_tokens:
            options["no_repeat_ngram_size"] = self.no_repeat_tokens
        return options


def greedy(max_new_tokens: int, batch_size: int | Literal["auto"] = "auto", window: Literal["auto", "full"] = "auto") -> Decode:
    """Greedy decoding: the likeliest token each time; `auto` is the window that the model was trained in."""
    return Decode(
        window=window, batch_size=batch_size, max_new_tokens=max_new_tokens, num_beams=1, temperature=0.0,
        repetition_penalty=1.0, no_repeat_tokens=0, suppress="none", seed=0,
    )  # fmt: skip
