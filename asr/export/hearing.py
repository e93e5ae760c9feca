"""Hearing: what the tuned model and its export make of recordings as they are on the disk, their silence and volume kept."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr.base.progress import track
from asr.export.recognizer import Recognizer
from asr.export.sound import decode
from asr.machine.device import pick_device, pick_precision
from asr.model.parameters import greedy
from asr.model.precision import hearing_in
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper
from asr.shards.frames import HOP_LENGTH, SAMPLE_RATE, LogMel

AT_ONCE = 1_000
"""Recordings whose features are in memory: 0.5 GB for 128 mels and clips of 20 s."""


@dataclass(frozen=True)
class Speed:
    """The seconds that recordings last, and that it took to transcribe them, decoding of the files included."""

    sound: float
    taken: float


def hear_exported(
    recognizer: Recognizer, recordings: Sequence[Path], languages: Sequence[str | None]
) -> tuple[list[str], Speed]:
    """Transcribe each recording with the exported model, one after the other, as a program would that is given them.

    Args:
        recognizer: the exported model.
        recordings: the files.
        languages: what the model is told of each (see asr/model/whisper.py).

    Raises:
        DataError: when a recording can't be decoded.
    """
    recognizer.hear(recordings[0], languages[0])  # what is paid once is no part of the speed
    start = time.perf_counter()
    told = track(zip(recordings, languages, strict=True), total=len(recordings), what="export")
    heard = [recognizer.hear(path, language) for path, language in told]
    taken = time.perf_counter() - start
    return [text for text, _ in heard], Speed(sum(seconds for _, seconds in heard), taken)


def hear_raw(whisper: Whisper, recordings: Sequence[Path], languages: Sequence[str | None]) -> list[str]:
    """Transcribe the same recordings with the model itself and its own feature extractor, greedily as the export does.

    What differs from evaluation is the sound alone: it is neither trimmed nor at full volume.
    """
    device = pick_device()
    whisper.model.to(device).eval()
    greedily = greedy(whisper.model.config.max_target_positions)
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(recordings), AT_ONCE)]
    with hearing_in(whisper.model, pick_precision(device, whisper.model.config.d_model)):
        return [
            hypothesis.text
            for part in parts
            for hypothesis in transcribe(whisper, list(_features(whisper, recordings[part])), greedily, languages[part])
        ]


def _features(whisper: Whisper, recordings: Sequence[Path]) -> Iterator[LogMel]:
    extract = whisper.processor.feature_extractor
    for path in recordings:
        samples = decode(path)
        whole = extract(samples, sampling_rate=SAMPLE_RATE, return_tensors="np").input_features[0]
        yield whole[:, : 1 + len(samples) // HOP_LENGTH].T.astype(np.float16)
