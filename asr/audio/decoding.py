"""Audio files: decoding to samples.

libsndfile (inside soundfile's wheel) reads wav, flac, ogg, opus and mp3; FFmpeg (inside PyAV's wheel) reads the rest, such as
m4a and webm. Neither needs a system package. libsndfile stops where it guesses that an mp3 ends (without a Xing header it
gave 0.8 s of a 4 s file), so it reads those whose length is certain, in half of FFmpeg's time; FFmpeg reads the others.
"""

import hashlib
from dataclasses import dataclass
from io import BytesIO

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from asr.audio.mp3 import walk

STREAMED_RIFF = 0x7FFF_FFFF
LENGTH_TOLERANCE_SECONDS = 0.25


class UnreadableAudioError(Exception):
    """A file that is not audio, or audio that ends before its header says."""


@dataclass(frozen=True)
class Recording:
    """Decoded audio: `samples` is float32 in [-1, 1] of shape (frames, channels), at `rate` Hz."""

    samples: NDArray[np.float32]
    rate: int

    @property
    def seconds(self) -> float:
        """The recording's length."""
        return len(self.samples) / self.rate

    @property
    def channels(self) -> int:
        """How many channels there are: 1 is mono, 2 is stereo."""
        return int(self.samples.shape[1])


def content_hash(content: bytes) -> str:
    """What identifies a file's bytes, 32 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def read_recording(content: bytes) -> Recording:
    """Decode a whole audio file, given its bytes.

    Raises:
        UnreadableAudioError: when neither decoder can read it, whatever they raise, or when it is shorter than its header
            says. (An opus file, or an mp3 without a Xing header, that breaks off is a shorter clip.)
    """
    try:
        return _decode(content)
    except (UnreadableAudioError, MemoryError):
        raise
    except Exception as error:  # a file can be wrong in more ways than decoders know
        raise UnreadableAudioError(f"{type(error).__name__}: {error}") from error


def _decode(content: bytes) -> Recording:
    try:
        with soundfile.SoundFile(BytesIO(content)) as file:
            if file.format == "MP3" and not _is_certain(content, file.frames, file.samplerate):
                return _decode_with_ffmpeg(content)
            promised, rate = file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return _decode_with_ffmpeg(content)
    if len(samples) < promised:
        raise UnreadableAudioError(f"cut short: {len(samples) / rate:.2f} s of {promised / rate:.2f} s can be read")
    _require_whole_wav(content)
    return Recording(samples, rate)


def _is_certain(content: bytes, guessed: int, rate: int) -> bool:
    """Whether libsndfile knows an mp3's length: by the header, if that tells the truth, or because it guesses right."""
    mp3 = walk(content)
    if mp3 is None:
        return False
    if mp3.promised is None:
        return guessed == mp3.frames * mp3.frame_samples
    missing = (mp3.promised - mp3.frames) * mp3.frame_samples / rate
    if missing > LENGTH_TOLERANCE_SECONDS:
        raise UnreadableAudioError(f"cut short: {mp3.frames} of {mp3.promised} frames")
    return mp3.promised == mp3.frames


def _require_whole_wav(content: bytes) -> None:
    """Refuse a WAV file that is shorter than its header says: libsndfile reads what there is of it."""
    promised = int.from_bytes(content[4:8], "little") + 8
    # A program that writes to a pipe can't go back to the header, and leaves the largest number or none there.
    # Some count the 8 bytes of this header in.
    if content[:4] == b"RIFF" and len(content) + 8 < promised < STREAMED_RIFF:
        raise UnreadableAudioError(f"cut short: {len(content)} of {promised} bytes")


def _decode_with_ffmpeg(content: bytes) -> Recording:
    try:
        with av.open(BytesIO(content), mode="r", metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UnreadableAudioError("no audio in the file")
            rate = container.streams.audio[0].rate
            to_float = av.AudioResampler(format="fltp", rate=rate)
            # An mp3's is an estimate.
            promised = None if "mp3" in container.format.name else container.duration
            blocks = [block.to_ndarray() for frame in container.decode(audio=0) for block in to_float.resample(frame)]
    except MemoryError:  # one of FFmpeg's errors is, and says nothing of the file
        raise
    except (av.FFmpegError, OSError) as error:
        raise UnreadableAudioError(f"damaged, cut short or not audio ({error.strerror or error})") from error
    if not blocks:
        raise UnreadableAudioError("no audio in the file")
    recording = Recording(np.concatenate(blocks, axis=1).T.astype(np.float32), rate)
    if promised is not None and recording.seconds < promised / av.time_base - LENGTH_TOLERANCE_SECONDS:
        raise UnreadableAudioError(f"cut short: {recording.seconds:.2f} s of {promised / av.time_base:.2f} s can be read")
    return recording
