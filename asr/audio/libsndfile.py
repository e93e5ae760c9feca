"""libsndfile, inside soundfile's wheel: wav, flac, ogg, opus, mp3 and more, block by block."""

from io import BytesIO
from typing import BinaryIO

import soundfile

from asr.audio import joined, mp3, wav
from asr.audio.recording import Samples, require_sane

SEEKABLE = frozenset(("AIFF", "AU", "CAF", "FLAC", "RF64", "W64", "WAV", "WAVEX"))
"""Formats in which a frame is found without decoding those before it, if the samples are stored as such or by FLAC."""

STORED = frozenset(("ALAW", "DOUBLE", "FLOAT", "PCM_16", "PCM_24", "PCM_32", "PCM_S8", "PCM_U8", "ULAW"))

BLOCK = 2**19
"""Values (samples of all channels) that are decoded at once: 32 s of mono at 16 kHz."""

FLAC_BEGINNING = b"fLaC\0\0\0\x22"


class _Bytes(BytesIO):
    """A file's bytes. A damaged file sends libsndfile to places before its beginning; it stays where it is then."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return self.tell()


class LibsndfileSource:
    """A file that libsndfile reads; the attributes are a source's (see asr/audio/recording.py)."""

    def __init__(self, file: soundfile.SoundFile, shortfall: str | None) -> None:
        require_sane(file.samplerate, file.channels)
        self.rate: int = file.samplerate
        self.channels: int = file.channels
        self.position = 0
        self._file = file
        # Of a file that can, soundfile seeks after each block, and an mp3's samples aren't quite the same from there on.
        self._file.seekable = lambda: False
        self._shortfall = shortfall
        self._seeks = file.format in SEEKABLE and file.subtype in STORED

    def skip_to(self, frame: int) -> None:
        """Seek, where that is exact."""
        if self._seeks and frame > self.position:
            self.position = self._file.seek(min(frame, self._file.frames))

    def read(self, at_most: int) -> Samples | None:
        """Decode a block; None at the end.

        Raises:
            LibsndfileError: when the file is damaged here.
        """
        frames = min(at_most, BLOCK // self.channels, self._file.frames - self.position)
        samples: Samples | None = self._file.read(frames, dtype="float32", always_2d=True) if frames else None
        if samples is None or not len(samples):
            return None
        self.position += len(samples)
        return samples

    def shortfall(self) -> str | None:
        """What the header promises beyond the last frame."""
        if self.position < self._file.frames:
            seconds = self.position / self.rate, self._file.frames / self.rate
            return f"cut short: {seconds[0]:.2f} s of {seconds[1]:.2f} s can be read"
        return self._shortfall

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_part_by_part(file: BinaryIO) -> soundfile.SoundFile:
    """Open a file of which little is wanted, without reading all of it first: how long it is, its header says.

    Raises:
        LibsndfileError: when libsndfile can't read it.
    """
    return soundfile.SoundFile(file)


def open_with_libsndfile(content: bytes) -> LibsndfileSource | None:
    """Open a file; None when libsndfile can't read it, or not to its end.

    It reads the first of several ogg or flac files in one, and stops where it guesses that an mp3 ends (without a Xing header
    it gave 0.8 s of a 4 s file), so it reads those mp3s whose length is certain, in half of FFmpeg's time.

    Raises:
        UnreadableAudioError: for a rate or a number of channels that no recording has, or when they change within the file.
    """
    if joined.is_ogg_chain(content) or (content.startswith(FLAC_BEGINNING) and content.count(FLAC_BEGINNING) > 1):
        return None
    try:
        file = soundfile.SoundFile(_Bytes(wav.with_sound_to_the_end(content)))
    except soundfile.LibsndfileError:
        return None
    if file.format == "MP3" and not ((found := mp3.walk(content)) and found.agrees_with(file.frames)):
        return None
    return LibsndfileSource(file, wav.shortfall(content))
