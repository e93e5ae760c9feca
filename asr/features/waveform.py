"""Waveforms: from decoded samples to the mono 16 kHz signal that features are computed from."""

import numpy as np
import soxr
from numpy.typing import NDArray

from asr.audio.mono import mix, offset
from asr.shards.frames import SAMPLE_RATE

TRIM_FRAME, TRIM_HOP = 2048, 512
"""Samples; what librosa's `effects.trim` looks at unless it is told otherwise."""

Waveform = NDArray[np.float32]
"""Mono samples at SAMPLE_RATE, shape (samples,)."""


def to_mono_16k(samples: NDArray[np.float32], rate: int) -> Waveform:
    """Average the channels of `samples`, shape (frames, channels) at `rate` Hz, and resample to SAMPLE_RATE.

    Of channels in opposite phase, which would leave nothing, the loudest is taken.
    """
    mono = mix(samples).samples
    return mono if rate == SAMPLE_RATE else np.asarray(soxr.resample(mono, rate, SAMPLE_RATE, quality="HQ"), dtype=np.float32)


def remove_offset(waveform: Waveform) -> Waveform:
    """Take away a mean so far from zero that it is none of the sound's: it would pass for sound where there is silence."""
    constant = offset(waveform)
    return waveform - np.float32(constant) if constant else waveform


def trim_silence(waveform: Waveform, below_peak_db: float) -> Waveform:
    """Cut leading and trailing parts that are more than `below_peak_db` under the loudest part.

    The same samples that librosa's `effects.trim` keeps. That one compiles itself first, for seconds in every process.
    """
    hops = len(waveform) // TRIM_HOP
    # Frames are centred: before the first sample and after the last there is silence.
    around = TRIM_FRAME // TRIM_HOP // 2
    padded = np.zeros((hops + 2 * around, TRIM_HOP), dtype=np.float32)
    padded.ravel()[around * TRIM_HOP :][: len(waveform)] = waveform
    energy = np.einsum("ij,ij->i", padded, padded)
    frames = sum(energy[start : start + hops + 1] for start in range(2 * around))
    # librosa takes 20 log10 of the root mean square, and anything under 1e-5 for 1e-5.
    power = np.maximum(frames / TRIM_FRAME, 1e-10)
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_peak_db / 10))
    return waveform[loud[0] * TRIM_HOP : (loud[-1] + 1) * TRIM_HOP] if len(loud) else waveform[:0]


def normalize_peak(waveform: Waveform) -> Waveform:
    """Scale so that the largest magnitude is 1; digital silence stays as it is."""
    peak = max(waveform.max(initial=0.0), -waveform.min(initial=0.0))
    return waveform / peak if peak > 0 else waveform
