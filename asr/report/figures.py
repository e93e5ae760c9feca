"""Figures: numbers and parameters as the page writes them."""

from math import isfinite
from typing import Any

from asr.report.comparison import spelled

DASH = "–"
"""What is not known."""


def figure(value: float | None, digits: int = 2) -> str:
    """Write a number with so many decimals, and without separators, as the script reads it too."""
    return DASH if value is None or not isfinite(value) else f"{value:.{digits}f}"


def whole(value: int | None) -> str:
    """Write a whole number, its thousands parted."""
    return DASH if value is None else f"{value:,}"


def duration(hours: float) -> str:
    """Write a length of sound in hours, or in minutes when it is under one."""
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def signed(value: float | None) -> str:
    """Write a difference, with its sign."""
    if value is None:
        return DASH
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def probability(p: float | None) -> str:
    """Write a p with three decimals, or that it is under 0.001."""
    return DASH if p is None else spelled(p)


def plain(value: Any) -> str:
    """Write a parameter as YAML has it, but for null."""
    match value:
        case None | "" | []:
            return DASH
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(plain(each) for each in value)
    return str(value)
