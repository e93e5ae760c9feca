"""Figures and findings: numbers, parameters and verdicts as pages and tables write them."""

from math import isfinite
from typing import Any

from asr.base.rates import SHORT
from asr.report.comparison import SIGN_LEVEL, TELLING_SHARE, Chances, Comparison, finding
from asr.scoring.interval import FEWEST

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


def spelled(p: float | None) -> str:
    """Write a p with three decimals, or that it is under 0.001."""
    return "-" if p is None else f"{p:.3f}" if p >= 0.001 else "under 0.001"


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


def verdict(change: Comparison, second: str, corrected: Chances | None = None) -> str:
    """Say in a sentence what a comparison comes to; `second`: the second system's name; `corrected`: as in `finding`."""
    found = finding(change, corrected)
    match found:
        case "identical":
            return f"identical: the same hypothesis in {_each(change)}"
        case "as many errors in each clip":
            return f"as many errors in {_each(change)}, though not the same ones"
        case "better" | "worse":
            return f"{second} is {found}{_for_whom(change)}{_though(change, found)}"
        case "better in most clips" | "worse in most clips":
            told = f"{second} is {_signs(change)}, more than by chance{_sign_test(change, corrected)}"
            return f"{told}{_though_in_all(change)}; {_beyond(change)}"
        case "too few to tell":
            kind = "test speakers" if change.resampled == "speakers" else "test clips"
            return f"{drawn(change)} {_are(change)} too few for an interval: {FEWEST} or more {kind} give one"
        case "too uncertain to tell":
            return f"{found}: {_why(change)}"
        case "not quite sure":
            return f"{found}: {'one of several comparisons' if corrected else 'the interval leaves out 0 by a hair'}"
    return f"{found}{_for_whom(change)}"


def drawn(change: Comparison) -> str:
    """Count what is drawn for the interval."""
    if change.resampled == "utterances":
        return _counted(change.clips, "clip")
    nameless = change.groups - change.speakers
    return _counted(change.speakers, "speaker") + (f" and {_counted(nameless, 'clip')} by nobody known" if nameless else "")


def tested_on(change: Comparison) -> str:
    """Count the clips, and the speakers where they are known."""
    return _counted(change.clips, "clip") + (f", {_counted(change.speakers, 'speaker')}" if change.speakers else "")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _are(change: Comparison) -> str:
    return "is" if change.groups == 1 else "are"


def _each(change: Comparison) -> str:
    return f"each of the {change.clips:,} clips" if change.clips > 1 else "the one clip"


def _for_whom(change: Comparison) -> str:
    return " for the one speaker tested" if change.speakers == 1 and change.resampled == "utterances" else ""


def _signs(change: Comparison) -> str:
    ranked = sorted({"better": change.better, "worse": change.worse}.items(), key=lambda item: -item[1])
    (most, many), (least, few) = ranked
    return f"{most} in {_counted(many, 'clip')} and {least} in {few:,}"


def _though(change: Comparison, found: str) -> str:
    """What must not be kept back of a difference that a few clips make, against most of the others."""
    against = change.worse > change.better if found == "better" else change.better > change.worse
    return f", though {_signs(change)}" if against and change.chances.signs < SIGN_LEVEL else ""


def _though_in_all(change: Comparison) -> str:
    """What must not be kept back of clips most of which point the other way than the rate does."""
    points = change.difference.points
    if not points or (points > 0) == (change.worse > change.better):
        return ""
    return f", though it makes {'more' if points > 0 else 'fewer'} errors in all"


def _sign_test(change: Comparison, corrected: Chances | None) -> str:
    whose = " on these speakers' clips" if change.speakers > 1 else " on this speaker's clips" if change.speakers else ""
    return f"{whose} (sign test, p {spelled((corrected or change.chances).signs)})"


def _beyond(change: Comparison) -> str:
    """What a sign test leaves open."""
    if change.groups < FEWEST:
        return f"{drawn(change)} {_are(change)} too few to tell of others: {FEWEST} or more give an interval"
    rate = SHORT[change.metric]
    if change.resampled == "speakers":
        return f"for other speakers the difference in {rate} may be chance"
    return f"the difference in {rate} may be chance"


def _why(change: Comparison) -> str:
    if change.heaviest:
        return f"one {change.heaviest} has more than half of the errors by which the two differ"
    if change.difference.interval is None:
        return f"{drawn(change)} differ alike, and how far others would is unknown"
    return f"{100 * TELLING_SHARE:g} % of the errors, more or less, may be chance with {drawn(change)}"
