"""Sound: recordings decoded as faster-whisper decodes them."""

from pathlib import Path

import numpy as np
from faster_whisper import decode_audio
from numpy.typing import NDArray

from asr.base.errors import DataError
from asr.base.sampling import SAMPLE_RATE


def decode(recording: Path) -> NDArray[np.float32]:
    """Decode a file's first audio stream to mono samples in [-1, 1], SAMPLE_RATE a second; damaged frames are left out.

    Raises:
        DataError: when there is none, whatever the decoder raises.
    """
    try:
        with recording.open("rb") as file:
            samples: NDArray[np.float32] = decode_audio(file, SAMPLE_RATE)
    except MemoryError:
        raise
    except IndexError as error:
        raise DataError(f"{recording}: no audio in it") from error
    except Exception as error:  # a file can be wrong in more ways than decoders know
        raise DataError(f"{recording}: {getattr(error, 'strerror', None) or error}") from error
    if not len(samples):
        raise DataError(f"{recording}: no audio in it")
    return samples
