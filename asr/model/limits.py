"""Limits: where a hypothesis ends that goes on for longer than its clip can hold, or that goes round in a loop.

A model that loops writes until it has no more room, 444 tokens, and every other clip of its batch waits for it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

ROOM = 32
"""Tokens that any clip may have besides those of its length: for a short one, and for one whose silence was trimmed."""

SHORTEST_LOOP = 24
"""Tokens: people do say "zero zero zero zero" or "no no no no no no"."""

LONGEST_PERIOD = 40
"""Tokens of what is said over and over, a long sentence."""

TIMES = 3
"""So often at least, in a row."""

BYTES_PER_TOKEN = 5
"""A word of four letters and the space before it. Most of what is said over and over is shorter, and takes longer to say than
the fastest speech: "no no no no" at six a second is 18 bytes."""

EVERY = 4
"""Tokens from one look for loops to the next: a look costs the host 2 µs a clip."""


class Limit(NamedTuple):
    """Of one hypothesis: where it is cut off, and how long a loop is at least. Both in tokens."""

    tokens: int
    loop: int


@dataclass(frozen=True)
class Pace:
    """How fast the fastest transcripts are said, in UTF-8 bytes a second. A token has at least one byte, so this bounds tokens,
    whatever the language and the vocabulary.
    """

    bytes_per_second: float

    def limit(self, seconds: float, most: int) -> Limit:
        """The limit for a clip that lasts so long, of `most` tokens at most.

        A loop is longer than what can be said in the clip, so that who is cut off by mistake had the whole clip to say it over
        and over, and loses nothing that fits in.
        """
        said = self.bytes_per_second * seconds
        return Limit(min(most, ROOM + math.ceil(said)), max(SHORTEST_LOOP, math.ceil(said / BYTES_PER_TOKEN)))


ANY_PACE = Pace(60.0)
"""For who knows no transcripts: faster than any language is said in Latin letters, at three times what is usual in English."""


def ends_in_loop(tokens: Sequence[int], shortest: int) -> bool:
    """Whether the last tokens are the same ones over and over: TIMES or more often, and `shortest` or more altogether."""
    return any(
        _repeating(tokens, period) >= max(shortest, TIMES * period)
        for period in range(1, min(LONGEST_PERIOD, len(tokens) - 1) + 1)
    )


def _repeating(tokens: Sequence[int], period: int) -> int:
    """Count the last tokens that are those of `period` before, and the `period` with which they begin."""
    place = len(tokens) - 1
    while place >= period and tokens[place] == tokens[place - period]:
        place -= 1
    return len(tokens) - 1 - place + period


def cut(tokens: Sequence[int], limit: Limit) -> Sequence[int]:
    """What is left of a hypothesis that nothing has ended at its limit while it was written, as CTranslate2 knows none."""
    for written in range(SHORTEST_LOOP, min(len(tokens), limit.tokens) + 1, EVERY):
        if ends_in_loop(tokens[:written], limit.loop):
            return tokens[:written]
    return tokens[: limit.tokens]
