"""Log-mel features: Whisper's own numbers, computed over the clip's frames alone.

`WhisperFeatureExtractor` pads a clip to its window (30 s) before it transforms anything, so that a 4 s clip costs and stores
as much as a 30 s one. The frames past a clip's end hold only padding and are all alike, so here the last stored frame is
the first of those, and `pad_frames` repeats it to give back what the extractor would have returned. (One frame differs: the
last of a clip that fills the window to within 12.5 ms, past whose end the extractor mirrors and this module sees silence.)
"""

from functools import cache

import numpy as np
from librosa.filters import mel
from numpy.typing import NDArray

from asr.waveform import SAMPLE_RATE, Waveform

N_FFT = 400
HOP_LENGTH = 160
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH
DYNAMIC_RANGE = 8.0
"""In powers of ten: what lies further below the clip's loudest bin is raised to that floor."""

LogMel = NDArray[np.float32] | NDArray[np.float16]
"""Shape (frames, mels)."""


def log_mel(waveform: Waveform, n_mels: int) -> NDArray[np.float32]:
    """The log-mel spectrogram of a clip, as in openai/whisper `audio.py`.

    Args:
        waveform: shape (samples,), 16 kHz.
        n_mels: 80, or 128 for Whisper large-v3 and its descendants.

    Returns:
        float32 of shape (ceil((samples + 200) / 160) + 1, n_mels); the last frame sees nothing but padding.
    """
    frames = -(-(len(waveform) + N_FFT // 2) // HOP_LENGTH) + 1
    # The extractor's STFT is centred: it mirrors the first half window, and sees zeros past the end.
    tail = frames * HOP_LENGTH + N_FFT
    padded = np.concatenate([_mirrored_start(waveform), waveform, np.zeros(tail, dtype=np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH][:frames]
    power = np.abs(np.fft.rfft(windows * _hann())) ** 2
    logs = np.log10(np.maximum(power @ _mel_filters(n_mels), 1e-10))
    return np.asarray((np.maximum(logs, logs.max() - DYNAMIC_RANGE) + 4.0) / 4.0, dtype=np.float32)


def pad_frames(features: LogMel, frames: int) -> LogMel:
    """Lengthen features of shape (n, mels) to (frames, mels) by repeating the last frame; cut what is longer."""
    if len(features) >= frames:
        return features[:frames]
    return np.concatenate([features, np.repeat(features[-1:], frames - len(features), axis=0)])


def _mirrored_start(waveform: Waveform) -> Waveform:
    half = N_FFT // 2
    return np.pad(waveform[1 : half + 1], (0, max(0, half + 1 - len(waveform))))[::-1]


@cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(N_FFT + 1)[:-1].astype(np.float32)


@cache
def _mel_filters(n_mels: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=n_mels).T)
