"""Sound: recordings of any length, decoded as clips are for training, and what of them can't be read."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from asr.audio import wav
from asr.audio.joined import files_in
from asr.audio.libsndfile import open_with_libsndfile
from asr.audio.mono import mix
from asr.audio.recording import Gap, Samples, Source, UnreadableAudioError
from asr.audio.waveform import SAMPLE_RATE, Waveform, prepare
from asr.base.errors import DataError
from asr.export.mending import MendedFile

MIXED_SECONDS = 31
"""Of a longer recording, channels are mixed in pieces of this length, so that only one channel of it is ever whole in memory.
A clip is one piece, and so what training hears.
"""

MISSING_SECONDS, MISSING_SHARE = 1.0, 0.01
"""A recording that lacks more than either is named: a word may be gone, and nobody would see it in the transcript."""

GAPS_SHOWN = 3

Block = tuple[Samples, int]
"""Samples of shape (frames, channels), and their rate in Hz."""


@dataclass(frozen=True)
class LongRecording:
    """A recording of any length as one channel at SAMPLE_RATE. In `gaps`, but for one at its end, the waveform is silent."""

    waveform: Waveform
    gaps: Sequence[Gap] = ()

    @property
    def missing(self) -> str | None:
        """How much of it can't be read, and where; None where that is little or nothing."""
        seconds = sum(gap.seconds for gap in self.gaps)
        whole = max([len(self.waveform) / SAMPLE_RATE, *(gap.start + gap.seconds for gap in self.gaps)])
        if seconds <= min(MISSING_SECONDS, MISSING_SHARE * whole):
            return None
        places = [f"{gap.seconds:.2f} s from {gap.start:.2f} s on" for gap in self.gaps[:GAPS_SHOWN]]
        more = f", and {len(self.gaps) - GAPS_SHOWN} more" if len(self.gaps) > GAPS_SHOWN else ""
        return f"{seconds:.2f} s of {whole:.2f} s can't be read: {', '.join(places)}{more}"


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
        raise DataError(f"{recording}: no audio in the file")
    return found


def read_long(content: bytes, channel: int | None = None) -> LongRecording:
    """Decode a file of any length to one channel; where it is damaged, what comes after the damage is read, too.

    Args:
        content: the file's bytes, of several recordings where they were joined.
        channel: the one that is heard, from 0; None: all, mixed as a clip's are.

    Raises:
        UnreadableAudioError: when nothing can be read, or there is no such channel.
    """
    waveforms: list[Waveform] = []
    gaps: list[Gap] = []
    for file in files_in(content):
        before = sum(map(len, waveforms)) / SAMPLE_RATE
        found = _read_whole(file, channel) or _read_mended(file, channel)
        waveforms.append(found.waveform)
        lacking = found.gaps or _gaps_by_header(file, len(found.waveform) / SAMPLE_RATE)
        gaps.extend(Gap(before + gap.start, gap.seconds) for gap in lacking)
    return LongRecording(waveforms[0] if len(waveforms) == 1 else np.concatenate(waveforms), gaps)


def _read_whole(content: bytes, channel: int | None) -> LongRecording | None:
    """Read what libsndfile can read to the end, which is how clips are read first; None where it can't."""
    source = open_with_libsndfile(content)
    if source is None:
        return None
    with closing(source), suppress(soundfile.LibsndfileError):
        waveform = _mixed(_blocks(source), channel)
        return None if source.shortfall() else LongRecording(waveform)
    return None


def _blocks(source: Source) -> Iterator[Block]:
    while (block := source.read(MIXED_SECONDS * source.rate)) is not None:
        yield block, source.rate


def _read_mended(content: bytes, channel: int | None) -> LongRecording:
    file = MendedFile(content)
    return LongRecording(_mixed(file.blocks(), channel), file.gaps)


def _gaps_by_header(content: bytes, seconds: float) -> list[Gap]:
    """What a file of samples lacks at its end by its header, as decoders believe no more than there is; or the sound that a WAV
    file has behind the end that its header gives, where no decoder looks for it.
    """
    if promised := wav.cut_from(content):
        return [Gap(seconds, seconds * (promised / len(content) - 1))]
    header = wav.read_header(content) if wav.excess(content) else None
    if header is None:
        return []
    sound, behind = header.sound, len(content) - header.start - header.sound
    return [Gap(sound / header.bytes_per_second, behind / header.bytes_per_second)]


def _mixed(blocks: Iterable[Block], channel: int | None) -> Waveform:
    parts = [np.zeros(0, np.float32)]
    resampler: soxr.ResampleStream | None = None
    last = 0
    for piece, rate in _pieces(blocks):
        if rate != last:
            parts.extend(_rest(resampler))
            resampler = (
                None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
            )
            last = rate
        mono = _chosen(piece, channel)
        parts.append(resampler.resample_chunk(mono) if resampler else mono)
    return np.concatenate([*parts, *_rest(resampler)])


def _pieces(blocks: Iterable[Block]) -> Iterator[Block]:
    """Gather blocks to pieces of MIXED_SECONDS, each of one rate and as many channels."""
    for (rate, _), alike in groupby(blocks, key=lambda block: (block[1], block[0].shape[1])):
        gathered: list[Samples] = []
        for block, _ in alike:
            gathered.append(block)
            if sum(map(len, gathered)) >= MIXED_SECONDS * rate:
                yield np.concatenate(gathered), rate
                gathered = []
        if gathered:
            yield np.concatenate(gathered), rate


def _rest(resampler: soxr.ResampleStream | None) -> list[Waveform]:
    """What a resampler has kept back."""
    return [resampler.resample_chunk(np.zeros(0, np.float32), last=True)] if resampler else []


def _chosen(piece: Samples, channel: int | None) -> Waveform:
    if channel is None:
        return mix(piece).samples
    if not 0 <= channel < piece.shape[1]:
        raise UnreadableAudioError(f"channel {channel} of a file that has {piece.shape[1]}; the first is 0")
    return np.ascontiguousarray(piece[:, channel])


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
