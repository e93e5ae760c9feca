"""Bandwidth: whether a recording was made at a lower rate than it has now.

Speech fades out slowly towards high frequencies. What was recorded at 8 kHz ends at a cliff below 4 kHz, however much noise a
codec has put behind it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from asr.audio.mono import Mono

LOWEST_RATE = 8_000
"""At lower ones every recording is of a narrow band."""

HEARD_HZ = 8_000
"""Whisper hears up to here."""

FRAMES = 64
"""Short pieces of the recording whose spectra are averaged."""

RESOLUTION_HZ = 31.25
BAND_HZ = 200
BELOW, BETWEEN = 3, 3
"""Bands that are looked at below a cliff, and that its slope may take."""

CLIFF_DB = 30.0
"""espeak-ng's voices, as wav, flac, ogg, opus, aac and mp3 of 24 kbit/s, have slopes of up to 24 dB. Their copies at 8 kHz,
brought back to 16 kHz by soxr, FFmpeg or SciPy and into these formats, have 24 to 90 dB, and but for a few over 30 dB."""

LOWEST_SHARE, HIGHEST_SHARE = 0.3, 0.525
"""Where a cliff is looked for, as shares of the frequencies that the rate has room for."""

FAINTEST_DB = -45.0
"""What there is below a cliff, beside the strongest band. Of voices as faint as this or fainter, mp3 leaves out the rest."""


def narrow_band(samples: Mono, rate: int) -> int | None:
    """Where the sound ends, in Hz, if it fills no more than about half of what its rate has room for; None if it does."""
    room = min(rate // 2, HEARD_HZ)
    size = 1 << max(round(np.log2(rate / RESOLUTION_HZ)), 5)
    if rate < LOWEST_RATE or len(samples) < 4 * size:
        return None
    decibels = _bands(samples, rate, size, 0.95 * room)
    edges = np.arange(int(LOWEST_SHARE * room / BAND_HZ), int(HIGHEST_SHARE * room / BAND_HZ) + 1)
    below = np.mean([decibels[edges - band] for band in range(1, BELOW + 1)], axis=0)
    above = np.maximum.accumulate(decibels[::-1])[::-1][edges + BETWEEN]
    cliffs = np.where(below > decibels.max() + FAINTEST_DB, below - above, 0)
    highest = int(cliffs.argmax())
    return int(edges[highest]) * BAND_HZ if cliffs[highest] > CLIFF_DB else None


def _bands(samples: Mono, rate: int, size: int, top: float) -> NDArray[np.float32]:
    """The mean power of each BAND_HZ up to `top`, in dB."""
    starts = np.linspace(0, len(samples) - size, FRAMES).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[starts]
    spectra = rfft(frames * np.hanning(size).astype(np.float32))
    power = (spectra.real**2 + spectra.imag**2).mean(axis=0)
    edges = np.arange(0, top, BAND_HZ) * size / rate
    bands = np.add.reduceat(power[: round(top * size / rate)], edges.round().astype(int))
    return 10 * np.log10(np.maximum(bands, 1e-20))
