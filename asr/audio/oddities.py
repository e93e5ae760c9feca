"""Oddities: what is strange about a clip's samples, and what its owner can do."""

from collections.abc import Iterator

import numpy as np

from asr.audio.findings import Finding
from asr.audio.mono import Mix, Mono, offset, peak
from asr.audio.recording import Recording

QUIET_PEAK = 10 ** (-40 / 20)

FLAT, RUN = 0.9995, 3
"""RUN samples in a row over this share of the largest magnitude, or of 1, are cut off."""

FAINTEST_CUT, OVERSHOOT = 0.1, 2.0
"""Magnitudes below FAINTEST_CUT have few steps, and samples are alike without having been cut. Lossy formats may bend what was
cut at 1, though not as far as OVERSHOOT; what is beyond that was written as numbers of another scale.
"""

CLIPPED_NOTE, CLIPPED_WARN = 0.001, 0.02
"""Shares of cut samples. Many a loud recording has lost a few peaks; from 2 % on, vowels have become another sound."""

STILL = 10 ** (-80 / 20)
STILL_SHARE, STILL_SECONDS = 0.5, 1.0
"""A recording that ends with as much of nothing, as a share of it and in seconds, was cut off."""

PIECE_SECONDS, FEWEST_PIECES = 0.05, 20
"""Pieces of two channels, whose loudness is compared."""

ALIKE = 0.5
"""A correlation. From piece to piece, the loudness of one speaker in two microphones has over 0.8, that of two speakers at once
under 0.5.
"""

LEAK, STEADY = 10 ** (-30 / 10), 10 ** (6 / 10)
"""Powers. A channel that is LEAK below the other has what leaks into it, and one whose loudest piece is less than STEADY above
its median one hums: neither has sound of its own.
"""


def oddities(recording: Recording, mono: Mix, bandwidth: int | None) -> Iterator[Finding]:
    """Find what is odd about a recording that can be used.

    Args:
        recording: not silent, its samples finite.
        mono: its channels as one.
        bandwidth: where its sound ends, in Hz; None where it fills what the rate has room for.
    """
    loudest = peak(recording.samples)
    if mono.is_opposed:
        detail = f"averaged, they lose {mono.lost_db:.0f} dB"
        yield Finding("note", "channels in opposite phase", detail, "nothing has to be done: the louder one is used")
    elif (correlation := _likeness(recording)) < ALIKE:
        detail = f"a correlation of {correlation:.2f}"
        remedy = "if each has a speaker of its own, name one in a channel column or in data.channel"
        yield Finding("note", "two channels with different sound", detail, remedy)
    if (cut := max(map(_cut_share, recording.samples.T))) > CLIPPED_NOTE:
        detail = f"{100 * cut:.1f} % of the samples are cut off at the same height"
        yield Finding("warn" if cut > CLIPPED_WARN else "note", "clipping", detail, "record it again with less gain")
    if constant := offset(mono.samples):
        detail = f"a mean of {constant:.3f}, with a peak of {loudest:.3f}"
        yield Finding("note", "DC offset", detail, "nothing has to be done: it is taken away")
    if loudest < QUIET_PEAK:
        detail = f"a peak {-20 * np.log10(loudest):.0f} dB under full scale"
        yield Finding("note", "very quiet", detail, "record with more gain; noise is amplified, too")
    if (sound := _sound_seconds(mono.samples, recording.rate)) is not None:
        detail = f"nothing after {sound:.2f} s of {recording.seconds:.2f} s"
        yield Finding("note", "mostly silence at the end", detail, "listen whether it was cut off")
    if bandwidth:
        detail = f"nothing above {bandwidth} Hz at a rate of {recording.rate} Hz"
        yield Finding("note", "narrow band", detail, "if there is a recording at a higher rate, take that")


def _likeness(recording: Recording) -> float:
    """The correlation of two channels' loudness from piece to piece; 1 where there are not two with sound of their own."""
    size = round(PIECE_SECONDS * recording.rate)
    pieces = len(recording.samples) // size
    if recording.channels != 2 or pieces < FEWEST_PIECES:
        return 1.0
    each = recording.samples[: pieces * size].T.reshape(2, pieces, size)
    powers = np.einsum("ijk,ijk->ij", each, each)
    total = powers.sum(axis=1)
    if total.min() <= LEAK * total.max() or (powers.max(axis=1) <= STEADY * np.median(powers, axis=1)).any():
        return 1.0
    return float(np.corrcoef(np.sqrt(powers))[0, 1])


def _cut_share(channel: Mono) -> float:
    """The share of samples that stand in runs at the channel's greatest or least value."""
    top, bottom = (FLAT * _full_scale(max(float(value), FAINTEST_CUT)) for value in (channel.max(), -channel.min()))
    cut = (channel >= top) | (channel <= -bottom)
    if len(cut) < RUN or np.count_nonzero(cut) <= CLIPPED_NOTE * len(cut):
        return 0.0
    runs = np.lib.stride_tricks.sliding_window_view(cut, RUN).all(axis=1)
    return float(np.convolve(runs, np.ones(RUN)).astype(bool).mean())


def _full_scale(largest: float) -> float:
    return largest if largest > OVERSHOOT else min(largest, 1.0)


def _sound_seconds(samples: Mono, rate: int) -> float | None:
    """When the sound ends, if that is early; None if it isn't."""
    heard = np.flatnonzero(np.abs(samples) > STILL)
    end = int(heard[-1]) + 1 if len(heard) else 0
    is_early = len(samples) - end > max(STILL_SHARE * len(samples), STILL_SECONDS * rate)
    return end / rate if is_early else None
