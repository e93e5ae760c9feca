"""Extraction: one clip's log-mel features, from its file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asr.audio import UnreadableAudioError, content_hash, decode
from asr.errors import DataError
from asr.logmel import log_mel
from asr.manifest import AudioEntry
from asr.params import Section
from asr.shards import Row
from asr.waveform import SAMPLE_RATE, Waveform, normalize_peak, to_mono_16k, trim_silence


class Extraction(Section):
    """What is computed from a clip, and where it is kept; nothing here knows a model or a transcript."""

    n_mels: Literal[80, 128]
    trim_below_peak_db: float | None = Field(gt=0)
    min_trimmed_seconds: float = Field(ge=0)
    store: str | None = Field(pattern="^[a-z0-9]+://.+")


@dataclass(frozen=True)
class Variants:
    """What is stored of each clip: copy 0 is the clip as recorded, any other is what `change` makes of it.

    `change` takes the waveform, the clip's id and the copy's number. `content` is everything else that its result depends
    on, in words: equal words, equal sound.
    """

    copies: tuple[int, ...] = (0,)
    change: Callable[[Waveform, str, int], Waveform] | None = None
    content: str = ""


AS_RECORDED = Variants()


@dataclass(frozen=True)
class Unusable:
    """Why a clip has no features."""

    reason: str


def chunk_rows(
    clips: Sequence[AudioEntry], settings: Extraction, variants: Variants
) -> tuple[list[Row], tuple[tuple[str, str], ...]]:
    """The rows of the clips' shard, and (clip id, reason) of the clips that have none.

    Raises:
        DataError: when a file has changed since it was validated.
    """
    rows: list[Row] = []
    dropped: list[tuple[str, str]] = []
    for clip in clips:
        made = clip_features(clip, settings, variants)
        if isinstance(made, Unusable):
            dropped.append((clip.id, made.reason))
        else:
            rows.extend(Row(clip.id, copy, features) for copy, features in zip(variants.copies, made, strict=True))
    return rows, tuple(dropped)


def clip_features(clip: AudioEntry, settings: Extraction, variants: Variants) -> list[NDArray[np.float16]] | Unusable:
    """A clip's log-mel features, for each copy an array of shape (frames, mels), or why it has none.

    Raises:
        DataError: when the file has changed since it was validated.
    """
    content = _read_unchanged(Path(clip.path), clip.audio_hash)
    try:
        recording = decode(content)
    except UnreadableAudioError as error:
        return Unusable(str(error))
    waveform = to_mono_16k(recording.samples, recording.rate)
    if settings.trim_below_peak_db is not None:
        waveform = trim_silence(waveform, settings.trim_below_peak_db)
    if len(waveform) < settings.min_trimmed_seconds * SAMPLE_RATE:
        return Unusable(f"under {settings.min_trimmed_seconds:g} s after trimming")
    waveform = normalize_peak(waveform)
    return [_log_mel_of_copy(waveform, clip.id, copy, settings.n_mels, variants) for copy in variants.copies]


def _log_mel_of_copy(waveform: Waveform, clip_id: str, copy: int, n_mels: int, variants: Variants) -> NDArray[np.float16]:
    if copy > 0:
        assert variants.change is not None
        waveform = variants.change(waveform, clip_id, copy)
    return log_mel(waveform, n_mels).astype(np.float16)


def _read_unchanged(path: Path, audio_hash: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}, but it was there when validate ran; run `dvc repro`") from error
    if content_hash(content) != audio_hash:
        raise DataError(f"{path}: changed since validate ran; run `dvc repro`")
    return content
