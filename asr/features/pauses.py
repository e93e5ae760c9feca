"""Pauses: what is to be heard of a recording while nobody speaks, and clips of any length that are made of it."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from asr.audio.waveform import Waveform
from asr.shards.frames import SAMPLE_RATE

FRAME = SAMPLE_RATE // 50
"""Samples of 20 ms, the steps in which loudness is measured."""

SPEECH_PERCENTILE, PAUSE_PERCENTILE = 95, 10
"""A recording's speech is as loud as the former of its frames, its pauses as the latter."""

LEAST_BELOW_SPEECH_DB, MOST_ABOVE_PAUSES_DB = 20.0, 6.0
"""A frame of a pause is so far under the speech, and no louder than the quietest ones: faint speech is louder than these."""

DIGITAL_SILENCE_DB = -100.0
"""What is quieter is no sound of the room's, but where somebody has cut."""

LEAST_FRAMES, EDGE_FRAMES = 10, 2
"""So long is a pause at least, longer than a consonant; what is so near to its ends may be speech that sets in or dies away."""

FADE = SAMPLE_RATE // 100
"""Samples of 10 ms over which one piece passes into the next."""


def pauses(recording: Waveform) -> list[Waveform]:
    """The quietest stretches of a recording; none where nothing in it is quiet, as speech can't be told from the rest then."""
    frames = len(recording) // FRAME
    power = np.square(recording[: frames * FRAME], dtype=np.float64).reshape(frames, FRAME).mean(axis=1)
    levels = 10 * np.log10(np.maximum(power, 1e-12))
    heard = levels[levels > DIGITAL_SILENCE_DB]
    if not len(heard):
        return []
    speech, quiet = np.percentile(heard, [SPEECH_PERCENTILE, PAUSE_PERCENTILE])
    most = min(speech - LEAST_BELOW_SPEECH_DB, quiet + MOST_ABOVE_PAUSES_DB)
    is_quiet = np.concatenate([[False], (levels > DIGITAL_SILENCE_DB) & (levels <= most), [False]])
    starts, ends = np.flatnonzero(np.diff(is_quiet.astype(np.int8))).reshape(-1, 2).T
    return [
        recording[(start + EDGE_FRAMES) * FRAME : (end - EDGE_FRAMES) * FRAME]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        if end - start >= LEAST_FRAMES
    ]


def tiled(pieces: Sequence[Waveform], samples: int, random: Generator) -> NDArray[np.float64]:
    """Fill so many samples with parts of the pieces, forwards and backwards, so that none comes at regular times.

    Args:
        pieces: each of 2 * FADE samples at least; the longer, the oftener taken.
        samples: how many.
        random: draws which, from where, and in which direction.
    """
    lengths = np.array([len(piece) for piece in pieces])
    filled = np.zeros(samples + int(lengths.max()))
    rise = np.sin(np.linspace(0, np.pi / 2, FADE))  # the sum of two noises keeps its power
    end = 0
    while end < samples + FADE:
        piece = pieces[random.choice(len(pieces), p=lengths / lengths.sum())].astype(np.float64)
        piece = piece[random.integers(len(piece) // 2 - FADE + 1) :][:: random.choice([-1, 1])].copy()
        piece[:FADE] *= rise
        piece[-FADE:] *= rise[::-1]
        start = max(0, end - FADE)
        piece = piece[: len(filled) - start]
        filled[start : start + len(piece)] += piece
        end = start + len(piece)
    return filled[:samples]
