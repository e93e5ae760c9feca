"""Hearing: what the tuned model and its export make of recordings, prepared as they are in use."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr.audio.waveform import Waveform
from asr.base.progress import track
from asr.export.recognizer import Recognizer
from asr.export.sound import decode, prepared
from asr.machine.device import pick_device, pick_precision
from asr.model.parameters import greedy
from asr.model.precision import hearing_in
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper
from asr.shards.frames import HOP_LENGTH, SAMPLE_RATE, LogMel

AT_ONCE = 500
"""Recordings in memory, as samples and as features: 0.9 GB for 128 mels and clips of 20 s."""


@dataclass(frozen=True)
class Speed:
    """The seconds that recordings last, and that it took to transcribe them, decoding of the files included."""

    sound: float
    taken: float


def hear_exported(
    recognizer: Recognizer, recordings: Sequence[Path], languages: Sequence[str | None]
) -> tuple[list[str], Speed]:
    """Transcribe each recording with the exported model, prepared as clips are for training.

    Args:
        recognizer: the exported model.
        recordings: the files.
        languages: what the model is told of each (see asr/model/whisper.py).

    Raises:
        DataError: when a recording can't be decoded.
    """
    samples = 0

    def waveform_of(path: Path) -> Waveform:
        nonlocal samples
        waveform = decode(path).waveform
        samples += len(waveform)
        return recognizer.prepared(waveform)

    next(recognizer.hear([waveform_of(recordings[0])], languages[0]))  # what is paid once is no part of the speed
    start, samples = time.perf_counter(), 0
    texts: dict[Path, str] = {}
    for language in dict.fromkeys(languages):
        alike = [path for path, told in zip(recordings, languages, strict=True) if told == language]
        heard = track(recognizer.hear(map(waveform_of, alike), language), total=len(alike), what="export")
        texts |= zip(alike, (text for text, _ in heard), strict=True)
    taken = time.perf_counter() - start
    return [texts[path] for path in recordings], Speed(samples / SAMPLE_RATE, taken)


def hear_tuned(
    whisper: Whisper, recordings: Sequence[Path], languages: Sequence[str | None], trim_below_peak_db: float | None
) -> list[str]:
    """Transcribe the same recordings, prepared likewise, with the model itself: what differs from the export is its format and
    its software alone.
    """
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(recordings), AT_ONCE)]
    return [
        text
        for part in parts
        for text in in_whole_windows(
            whisper, [prepared(decode(path).waveform, trim_below_peak_db) for path in recordings[part]], languages[part]
        )
    ]


def in_whole_windows(whisper: Whisper, waveforms: Sequence[Waveform], languages: Sequence[str | None]) -> list[str]:
    """Transcribe waveforms with the model's own feature extractor, in whole windows, and greedily as the export does."""
    device = pick_device()
    whisper.model.to(device).eval()
    greedily = greedy(whisper.model.config.max_target_positions, window="full")
    features = [features_of(whisper, waveform) for waveform in waveforms]
    with hearing_in(whisper.model, pick_precision(device, whisper.model.config.d_model)):
        return [hypothesis.text for hypothesis in transcribe(whisper, features, greedily, languages)]


def features_of(whisper: Whisper, waveform: Waveform) -> LogMel:
    """A waveform's features by the model's own extractor, up to the first frame that holds nothing but padding."""
    extract = whisper.processor.feature_extractor
    whole = extract(waveform, sampling_rate=SAMPLE_RATE, return_tensors="np").input_features[0]
    features: LogMel = whole[:, : -(-(len(waveform) + extract.n_fft // 2) // HOP_LENGTH) + 1].T.astype(np.float16)
    return features
