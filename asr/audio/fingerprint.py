"""Fingerprints: what a clip sounds like in 256 bits, alike for copies of a recording and unlike for other recordings.

A bit is the sign of the real or the imaginary part of the cross-spectrum of two neighbouring cepstral coefficients, at one of
the modulation frequencies at which speech swells and fades. A delay turns the phases of both coefficients alike and vanishes
between them. Gain and filters vanish where a band is divided by its mean, and what a telephone cuts off isn't looked at.
Haitsma and Kalker (ISMIR 2002) take signs of differences between bands, too, but of single frames, for whose delay one has to
search.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft  # four times as fast as numpy's for many short rows

LEAST_SECONDS = 1.0
"""A shorter clip has too little in it to be told from others."""

MOST_UNLIKE = 42
"""Bits by which copies differ at most. Of 1,140 clips of speech, copies as mp3 at 32 kbit/s, as opus at 16 kbit/s and of the
telephone's band were 0 to 42 from them; recordings of the same words by the same speaker were 53 or more from each other.
"""

MOST_COHERENT = 0.5
"""Where neighbouring coefficients cohere more than this, all of the spectrum swells and fades as one, as that of a tone or of a
single short word does, and says too little. The same clips were at 0.19 on the average and at 0.48 at most, tones from 0.6 on.
"""

FRAMES_A_SECOND = 50
BANDS_FROM, BANDS_TO = 300, 3400
"""The telephone's range, in Hz."""

BANDS = 13
COEFFICIENTS = 9
MODULATIONS = 16
PERIOD = 75
"""Frames of the slowest modulation, 1.5 s; the others are its multiples, up to 10.7 Hz."""

COSINES = np.cos(np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, np.arange(1, COEFFICIENTS + 1)))
"""Of the cosine transform, shape (BANDS, COEFFICIENTS), but for a factor: all frames in one product."""

BITS = 2 * MODULATIONS * (COEFFICIENTS - 1)
FRAMES_AT_ONCE = 100
"""Larger arrays would be fetched from the system anew for each clip, which takes as long as the transform."""

FLIPS = np.array([0, *(1 << bit for bit in range(16))])
"""Nothing, and each of 16 bits."""

ROWS_AT_ONCE = 2048


def fingerprint(samples: NDArray[np.float32], rate: int) -> str:
    """Describe a clip.

    Args:
        samples: mono, shape (samples,).
        rate: in Hz.

    Returns:
        64 hexadecimal digits, which `near_same` compares; "" for a clip in which there is too little to tell it from others.
    """
    if rate < 2 * BANDS_TO or len(samples) < LEAST_SECONDS * rate:
        return ""
    energies = _energies(samples, rate)
    means = energies.mean(axis=0)
    if not means.all():
        return ""
    loudness = (energies / means) ** (1 / 3)
    cepstrum = np.zeros((-(-len(loudness) // PERIOD) * PERIOD, COEFFICIENTS))
    cepstrum[: len(loudness)] = loudness @ COSINES
    spectra = rfft(cepstrum.reshape(-1, PERIOD, COEFFICIENTS).sum(axis=0), axis=0)[1 : MODULATIONS + 1]
    cross = spectra[:, :-1] * spectra[:, 1:].conj()
    if _coherence(spectra, cross) > MOST_COHERENT:
        return ""
    return np.packbits(np.stack([cross.real, cross.imag]) > 0).tobytes().hex()


def near_same(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    """Find the fingerprints that are of copies: pairs of positions, one in `ours` and one in `theirs`, in order.

    Only those are compared that have one of their 16 words of 16 bits in common, but for a bit at most: of copies that differ
    in as many bits as they may, two in a thousand are missed. A clip without a fingerprint is like no other.
    """
    (our_places, our_words), (their_places, their_words) = _words(ours), _words(theirs)
    pairs: set[tuple[int, int]] = set()
    for part in range(BITS // 16):
        keys = their_words[:, part]
        order = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[order], np.arange(2**16 + 1))
        for first in range(0, len(our_words), ROWS_AT_ONCE):
            probes = our_words[first : first + ROWS_AT_ONCE, part, np.newaxis] ^ FLIPS
            low, high = starts[probes].ravel(), starts[probes + 1].ravel()
            rows = np.repeat(first + np.arange(probes.size) // len(FLIPS), high - low)
            # Of each probe, the places in `order` from low to high.
            columns = order[np.arange(len(rows)) + np.repeat(high - np.cumsum(high - low), high - low)]
            unlike = np.bitwise_count(our_words[rows] ^ their_words[columns]).sum(axis=1)
            alike = unlike <= MOST_UNLIKE
            pairs.update(zip(rows[alike].tolist(), columns[alike].tolist(), strict=True))
    return sorted((our_places[row], their_places[column]) for row, column in pairs)


def _coherence(spectra: NDArray[np.complex128], cross: NDArray[np.complex128]) -> float:
    """How far neighbouring coefficients are one and the same but for a factor and a delay: from 0 to 1, on the average."""
    power = (spectra.real**2 + spectra.imag**2).sum(axis=0)
    return float((np.abs(cross.sum(axis=0)) ** 2 / np.maximum(power[:-1] * power[1:], np.finfo(float).tiny)).mean())


def _words(fingerprints: Sequence[str]) -> tuple[list[int], NDArray[np.int64]]:
    """The positions of those that say something, and their bits, 16 to a number, shape (fingerprints, BITS / 16)."""
    places = [place for place, each in enumerate(fingerprints) if each]
    content = bytes.fromhex("".join(fingerprints[place] for place in places))
    return places, np.frombuffer(content, ">u2").reshape(-1, BITS // 16).astype(np.int64)


def _energies(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """The energy in each band, shape (frames, BANDS)."""
    hop = round(rate / FRAMES_A_SECOND)
    window, bands = _plan(2 * hop, rate)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * hop)[::hop]
    parts = []
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        spectra = rfft(frames[first : first + FRAMES_AT_ONCE] * window, axis=1)[:, : len(bands)]
        parts.append((spectra.real**2 + spectra.imag**2) @ bands)
    return np.concatenate(parts)


@lru_cache
def _plan(length: int, rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The window of a frame, shape (length,), and the weight of each line of its spectrum in each band, shape (lines, BANDS).

    The bands are triangles on the mel scale. librosa's `mel` makes the same ones, but takes two seconds in each worker to load.
    """
    lines = np.arange(BANDS_TO * length // rate + 1) * (rate / length)
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (BANDS_FROM, BANDS_TO))
    corners = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    bands = [np.interp(lines, corners[band : band + 3], [0, 1, 0]) for band in range(BANDS)]
    return np.hanning(length + 1)[:-1].astype(np.float32), np.stack(bands, axis=1).astype(np.float32)
