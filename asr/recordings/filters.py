"""Filters: which clips are kept, and why the others are not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from asr.base.entries import Clip
from asr.base.text import NormalizerName, require_text_kept, spoken
from asr.recordings.parameters import Filter

EMPTIED = "nothing left by text.normalizer"


@dataclass(frozen=True)
class Filtered:
    """`kept` in the order given; `dropped` counts the others by reason, in the order of the reasons' names."""

    kept: list[Clip]
    dropped: dict[str, int]


def filter_clips(clips: Sequence[Clip], limits: Filter, name: NormalizerName) -> Filtered:
    """Keep clips with at least `min_characters`, longer than `min_seconds` and shorter than `max_seconds`, and with a word
    left once the normaliser that goes by `name` is done.

    Raises:
        DataError: when the normaliser doesn't suit the transcripts (see `require_text_kept`).
    """
    reasons = [_reason_to_drop(clip, limits) for clip in clips]
    within = [clip for clip, reason in zip(clips, reasons, strict=True) if reason is None]
    emptied = set(require_text_kept([clip.text for clip in within], name))
    kept = [clip for position, clip in enumerate(within) if position not in emptied]
    dropped = Counter(reason for reason in reasons if reason is not None)
    if emptied:
        dropped[EMPTIED] = len(emptied)
    return Filtered(kept, dict(sorted(dropped.items())))


def _reason_to_drop(clip: Clip, limits: Filter) -> str | None:
    characters = len(spoken(clip.text).strip())
    if characters < limits.min_characters:
        return f"under {limits.min_characters} characters"
    if limits.max_characters is not None and characters > limits.max_characters:
        return f"over {limits.max_characters} characters"
    if clip.seconds <= limits.min_seconds:
        return f"not over {limits.min_seconds:g} s"
    if clip.seconds >= limits.max_seconds:
        return f"not under {limits.max_seconds:g} s"
    return None
