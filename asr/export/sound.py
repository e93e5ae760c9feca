"""Sound: recordings of any length, decoded as clips are for training."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr.audio.decoding import LongRecording, UnreadableAudioError, read_long
from asr.audio.waveform import Waveform, prepare
from asr.base.errors import DataError
from asr.shards.frames import SAMPLE_RATE


def decode(recording: Path, channel: int | None = None) -> LongRecording:
    """Decode a file's first audio stream to one channel, as far as it can be read.

    Args:
        recording: the file.
        channel: the one that is heard, from 0; None: all of them, mixed as a clip's are.

    Raises:
        DataError: when nothing can be read.
    """
    try:
        found = read_long(recording.read_bytes(), channel)
    except OSError as error:
        raise DataError(f"{recording}: {error.strerror}") from error
    except UnreadableAudioError as error:
        raise DataError(f"{recording}: {error}") from error
    if not len(found.waveform):
        raise DataError(f"{recording}: no audio in it")
    return found


def prepared(waveform: Waveform, trim_below_peak_db: float | None) -> Waveform:
    """One stretch of speech as a clip is prepared for training; what would be gone once trimmed is left as long as it is."""
    sound = prepare(waveform[:, np.newaxis], SAMPLE_RATE, trim_below_peak_db)
    return sound.speech if len(sound.speech) else sound.whole


def in_window(waveform: Waveform, seconds: int) -> NDArray[np.float32]:
    """Fill a window up with silence, or cut what is longer.

    faster-whisper fills up the features, and with zeros, which no silence has as its features (SYSTRAN/faster-whisper 1.2,
    `pad_or_trim`); what a model was trained on, and transformers, fill up the samples.
    """
    window = np.zeros(seconds * SAMPLE_RATE, np.float32)
    window[: len(waveform)] = waveform[: len(window)]
    return window
