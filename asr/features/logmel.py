"""Log-mel features: Whisper's own numbers, computed over the clip's frames alone.

`WhisperFeatureExtractor` pads a clip to its window (30 s) before it transforms anything, so that a 4 s clip costs and stores
as much as a 30 s one. The frames past a clip's end hold only padding and are all alike, so here the last stored frame is
the first of those, and `pad_frames` repeats it to give back what the extractor would have returned. (One frame differs: the
last of a clip that fills the window to within 12.5 ms, past whose end the extractor mirrors and this module sees silence.)
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asr.audio.waveform import Waveform
from asr.shards.frames import HOP_LENGTH, SAMPLE_RATE

N_FFT = 400
DYNAMIC_RANGE = 8.0
"""Powers of ten: what lies further below the clip's loudest bin is raised to that floor."""


def log_mel(waveform: Waveform, n_mels: int) -> NDArray[np.float32]:
    """The log-mel spectrogram of a clip, as in openai/whisper `audio.py`.

    Args:
        waveform: shape (samples,), 16 kHz.
        n_mels: 80, or 128 for Whisper large-v3 and its descendants.

    Returns:
        float32 of shape (ceil((samples + 200) / 160) + 1, n_mels); the last frame sees nothing but padding.
    """
    from scipy.fft import rfft  # here for the same reason as librosa below

    frames = -(-(len(waveform) + N_FFT // 2) // HOP_LENGTH) + 1
    # The extractor's STFT is centred: it mirrors the first half window, and sees zeros past the end.
    padded = np.zeros(N_FFT // 2 + frames * HOP_LENGTH + N_FFT, dtype=np.float32)
    mirrored = waveform[N_FFT // 2 : 0 : -1]
    padded[N_FFT // 2 - len(mirrored) : N_FFT // 2] = mirrored
    padded[N_FFT // 2 :][: len(waveform)] = waveform
    windows: NDArray[np.float32] = np.ndarray((frames, N_FFT), np.float32, padded, strides=(4 * HOP_LENGTH, 4))
    spectrum = rfft(windows * _hann(), overwrite_x=True)
    parts = spectrum.view(np.float32)  # real and imaginary, one beside the other
    np.square(parts, out=parts)
    # Frames lie behind one another, not mels: the product goes through them with one weight at a time.
    logs = _mel_filters(n_mels) @ (parts[:, 0::2] + parts[:, 1::2]).T
    np.maximum(logs, 1e-10, out=logs)
    np.log(logs, out=logs)
    logs *= 1 / np.log(10)
    np.maximum(logs, logs.max() - DYNAMIC_RANGE, out=logs)
    logs += 4.0
    logs *= 0.25
    return np.ascontiguousarray(logs.T)


@cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(N_FFT + 1)[:-1].astype(np.float32)


@cache
def _mel_filters(n_mels: int) -> Any:
    """The filter bank, sparse, of shape (n_mels, bins): 391 of its 16,080 weights are not zero, of 80 mels.

    A dense product is the BLAS's, whose sums differ from one kind of processor to another: two in 100,000 of the stored values.
    """
    # Here, as they take a second to import: a stage whose shards are all in the cache needs none of it.
    from librosa.filters import mel
    from scipy.sparse import csr_array

    return csr_array(mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=n_mels))
