"""Loops: a model that says the same thing over and over, which Whisper does at the end of what it can't make out."""

import re

LOOP = re.compile(r"(.{1,80}?)\1{3,}", re.DOTALL)
"""Some characters, four times in a row or more. Characters, since not every script parts words."""

SHORTEST = 24
"""Characters. People do say "no no no no"."""


def has_loop(hypothesis: str, reference: str) -> bool:
    """Whether `hypothesis` goes round in a loop that the speaker did not."""
    return _longest(hypothesis) >= SHORTEST > _longest(reference)


def _longest(text: str) -> int:
    return max((len(match[0].strip()) for match in LOOP.finditer(f"{text} ")), default=0)
