"""A hypothesis: what a model heard in a clip."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """The text as the model wrote it, and whether it had more to say when it reached the limit of tokens."""

    text: str
    is_cut_off: bool
