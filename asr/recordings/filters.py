"""Filters: which clips are kept, and why the others are not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from asr.base.entries import Clip
from asr.base.letters import require_letters_kept, require_text_kept
from asr.base.text import Normalization, spoken
from asr.recordings.parameters import Filter

EMPTIED = "nothing left by text.normalizer"


@dataclass(frozen=True)
class Filtered:
    """`kept` in the order given; `left_out`, the others, each with its reason; `letters_lost` is the share of the letters of
    `kept` that the normaliser deletes.
    """

    kept: list[Clip]
    left_out: list[tuple[Clip, str]]
    letters_lost: float = 0.0

    @property
    def dropped(self) -> dict[str, int]:
        """Count those that are left out by reason, in the order of the reasons' names."""
        return dict(sorted(Counter(reason for _, reason in self.left_out).items()))


def filter_clips(clips: Sequence[Clip], limits: Filter, normalization: Normalization) -> Filtered:
    """Keep clips with at least `min_characters`, longer than `min_seconds` and shorter than `max_seconds`, and with a word
    left once they are normalised. Of those in which nobody speaks only the lengths are looked at.

    Raises:
        DataError: when the normaliser doesn't suit the transcripts (see asr/base/letters.py).
    """
    reasons = [_reason_to_drop(clip, limits) for clip in clips]
    within = [clip for clip, reason in zip(clips, reasons, strict=True) if reason is None]
    spoken_in = [clip for clip in within if clip.text]
    emptied = {spoken_in[n].id for n in require_text_kept([(clip.text, clip.language) for clip in spoken_in], normalization)}
    kept = [clip for clip in within if clip.id not in emptied]
    known = ((clip, EMPTIED if clip.id in emptied else reason) for clip, reason in zip(clips, reasons, strict=True))
    lost = require_letters_kept(((clip.text, clip.language) for clip in kept if clip.text), normalization)
    return Filtered(kept, [(clip, reason) for clip, reason in known if reason is not None], lost)


def _reason_to_drop(clip: Clip, limits: Filter) -> str | None:
    characters = len(spoken(clip.text).strip())
    if clip.text and characters < limits.min_characters:
        return f"under {limits.min_characters} characters"
    if limits.max_characters is not None and characters > limits.max_characters:
        return f"over {limits.max_characters} characters"
    if clip.seconds <= limits.min_seconds:
        return f"not over {limits.min_seconds:g} s"
    if clip.seconds >= limits.max_seconds:
        return f"not under {limits.max_seconds:g} s"
    return None
