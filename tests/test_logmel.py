"""Log-mel features equal those of transformers' WhisperFeatureExtractor."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from transformers import WhisperFeatureExtractor

from asr.features.logmel import log_mel
from asr.shards.frames import SAMPLE_RATE, pad_frames
from tests.project import ROOT, environment


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).normal(size=len(time))
    tone = sum(np.sin(2 * np.pi * 140 * harmonic * time) / harmonic for harmonic in range(1, 20))
    waveform = (tone + 0.1 * noise) * np.abs(np.sin(2 * np.pi * 3 * time))
    return np.asarray(waveform / np.abs(waveform).max(), dtype=np.float32)


@pytest.mark.parametrize("n_mels", [80, 128])
@pytest.mark.parametrize("seconds", [0.005, 0.1, 1.0, 3.217, 29.98])
def test_padded_features_equal_the_extractor(seconds: float, n_mels: int) -> None:
    waveform = speech_like(seconds)
    extractor = WhisperFeatureExtractor(feature_size=n_mels)
    expected = extractor(waveform, sampling_rate=SAMPLE_RATE).input_features[0].T

    ours = pad_frames(log_mel(waveform, n_mels), 3000)

    assert ours.shape == (3000, n_mels)
    np.testing.assert_allclose(ours, expected, atol=2e-5)
    # float16 keeps 11 significant bits; the values lie between -1.5 and 1.5
    np.testing.assert_allclose(ours.astype(np.float16), expected, atol=5e-4)


def test_a_clip_that_fills_the_window_differs_in_its_last_frame_alone() -> None:
    waveform = speech_like(30.0)
    expected = WhisperFeatureExtractor()(waveform, sampling_rate=SAMPLE_RATE).input_features[0].T

    np.testing.assert_allclose(pad_frames(log_mel(waveform, 80), 3000)[:-1], expected[:-1], atol=2e-5)


def test_a_clip_stores_its_own_frames_and_one_of_padding() -> None:
    features = log_mel(speech_like(4.0), 80)

    assert features.shape == (403, 80)
    assert np.unique(features[-1]).size == 1


def test_pad_frames_repeats_the_last_frame() -> None:
    features = np.array([[1, 2], [3, 4]], dtype=np.float16)

    assert pad_frames(features, 4).tolist() == [[1, 2], [3, 4], [3, 4], [3, 4]]


def test_pad_frames_cuts_what_is_longer() -> None:
    assert pad_frames(np.ones((5, 2), dtype=np.float16), 3).shape == (3, 2)


def test_digital_silence_has_features() -> None:
    assert np.isfinite(log_mel(np.zeros(1600, dtype=np.float32), 80)).all()


@pytest.mark.slow
def test_processors_with_other_kernels_for_matrices_compute_the_same_bytes() -> None:
    code = """
import hashlib
import numpy as np
from asr.features.logmel import log_mel
noise = np.random.default_rng(0).normal(size=64_000).astype(np.float32)
print(hashlib.sha256(log_mel(noise, 80).tobytes()).hexdigest())
"""
    noise = np.random.default_rng(0).normal(size=64_000).astype(np.float32)

    elsewhere = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(OPENBLAS_CORETYPE="Nehalem"), capture_output=True, text=True,
        check=True,
    )  # fmt: skip

    assert elsewhere.stdout.strip() == hashlib.sha256(log_mel(noise, 80).tobytes()).hexdigest()
