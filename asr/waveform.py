"""Waveforms: from decoded samples to the mono 16 kHz signal that features are computed from."""

import librosa
import numpy as np
from librosa.effects import trim
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Whisper's input rate in Hz."""

Waveform = NDArray[np.float32]
"""Mono samples at SAMPLE_RATE, shape (samples,)."""


def to_mono_16k(samples: NDArray[np.float32], rate: int) -> Waveform:
    """Average the channels of `samples`, shape (frames, channels) at `rate` Hz, and resample to SAMPLE_RATE."""
    mono = samples.mean(axis=1, dtype=np.float32) if samples.shape[1] > 1 else samples[:, 0]
    if rate == SAMPLE_RATE:
        return np.ascontiguousarray(mono)
    return np.asarray(librosa.resample(mono, orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq"), dtype=np.float32)


def trim_silence(waveform: Waveform, below_peak_db: float) -> Waveform:
    """Cut leading and trailing parts that are more than `below_peak_db` under the loudest part."""
    trimmed, _ = trim(waveform, top_db=below_peak_db)
    return np.asarray(trimmed, dtype=np.float32)


def normalize_peak(waveform: Waveform) -> Waveform:
    """Scale so that the largest magnitude is 1; digital silence stays as it is."""
    peak = np.abs(waveform).max(initial=0.0)
    return waveform / peak if peak > 0 else waveform
