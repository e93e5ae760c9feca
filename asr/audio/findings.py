"""Findings: what is wrong or odd about a clip, how bad that is, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["refuse", "warn", "note"]
"""What becomes of the clip: one that is refused can't be used; one that is warned of is left out, until somebody decides to
keep it; one with a note is used."""


@dataclass(frozen=True)
class Finding:
    """One thing about one clip.

    Attributes:
        reason: its kind in a few words, alike for all clips that have it: they are counted by it.
        detail: what was found in this clip, with its numbers.
        remedy: what its owner can do.
    """

    severity: Severity
    reason: str
    detail: str
    remedy: str
