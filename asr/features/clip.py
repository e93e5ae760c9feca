"""A clip: its log-mel features, from its file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr.audio.decoding import Recording, iterate_views
from asr.base.entries import AudioEntry
from asr.base.errors import DataError
from asr.base.hashes import content_hash
from asr.features.logmel import log_mel
from asr.features.parameters import Features
from asr.features.waveform import Waveform, normalize_peak, remove_offset, to_mono_16k, trim_silence
from asr.shards.format import StoredClip
from asr.shards.frames import SAMPLE_RATE

Copies = list[NDArray[np.float16]]
"""A clip's features, for each copy of it an array of shape (frames, mels)."""

Rows = tuple[list[StoredClip], tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Variants:
    """What is stored of each clip: copy 0 is the clip as recorded, any other is what `change` makes of it.

    `change` takes the waveform, the clip's id and the copy's number. `content` is everything else that its result depends
    on, in words: equal words, equal sound. `untrimmed` takes the id and the number, and tells whether that copy is made of the
    recording with the silence at its ends.
    """

    copies: tuple[int, ...] = (0,)
    change: Callable[[Waveform, str, int], Waveform] | None = None
    content: str = ""
    untrimmed: Callable[[str, int], bool] | None = None


AS_RECORDED = Variants()


@dataclass(frozen=True)
class Unusable:
    """Why a clip has no features."""

    reason: str


def chunk_rows(chunks: Sequence[Sequence[AudioEntry]], settings: Features, variants: Variants) -> Iterator[Rows]:
    """Yield the rows of each chunk's shard, and (clip id, reason) of the clips that have none.

    Clips of one file that follow one another are read together, though a chunk may end between them.

    Raises:
        DataError: when a file has changed since it was validated.
    """
    made = _features_in_order(chain.from_iterable(chunks), settings, variants)
    for chunk in chunks:
        rows: list[StoredClip] = []
        dropped: list[tuple[str, str]] = []
        for clip, found in zip(chunk, made, strict=False):
            if isinstance(found, Unusable):
                dropped.append((clip.id, found.reason))
            else:
                rows.extend(StoredClip(clip.id, copy, features) for copy, features in zip(variants.copies, found, strict=True))
        yield rows, tuple(dropped)


def clip_features(clip: AudioEntry, settings: Features, variants: Variants) -> Copies | Unusable:
    """A clip's log-mel features, for each copy an array of shape (frames, mels), or why it has none.

    Raises:
        DataError: when the file has changed since it was validated.
    """
    (made,) = _features_of_file([clip], settings, variants)
    return made


def _features_in_order(clips: Iterable[AudioEntry], settings: Features, variants: Variants) -> Iterator[Copies | Unusable]:
    for _, of_file in groupby(clips, key=lambda clip: (clip.path, clip.audio_hash)):
        yield from _features_of_file(list(of_file), settings, variants)


def _features_of_file(clips: Sequence[AudioEntry], settings: Features, variants: Variants) -> list[Copies | Unusable]:
    content = _read_unchanged(Path(clips[0].path), clips[0].audio_hash)
    made: dict[int, Copies | Unusable] = {}
    for place, found in iterate_views(content, [clip.view for clip in clips]):
        if isinstance(found, Recording):
            made[place] = _features(found, clips[place].id, settings, variants)
        else:
            made[place] = Unusable(str(found))
    return [made[place] for place in range(len(clips))]


def _features(recording: Recording, clip_id: str, settings: Features, variants: Variants) -> Copies | Unusable:
    whole = remove_offset(to_mono_16k(recording.samples, recording.rate))
    speech = whole if settings.trim_below_peak_db is None else trim_silence(whole, settings.trim_below_peak_db)
    if len(speech) < settings.min_trimmed_seconds * SAMPLE_RATE:
        return Unusable(f"under {settings.min_trimmed_seconds:g} s after trimming")
    heard = (_copy(whole, speech, clip_id, copy, variants) for copy in variants.copies)
    return [log_mel(waveform, settings.n_mels).astype(np.float16) for waveform in heard]


def _copy(whole: Waveform, speech: Waveform, clip_id: str, copy: int, variants: Variants) -> Waveform:
    if copy == 0:
        return normalize_peak(speech)
    assert variants.change is not None
    is_whole = variants.untrimmed is not None and variants.untrimmed(clip_id, copy)
    return variants.change(normalize_peak(whole if is_whole else speech), clip_id, copy)


def _read_unchanged(path: Path, audio_hash: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}, but it was there when validate ran; run `dvc repro`") from error
    if content_hash(content) != audio_hash:
        raise DataError(f"{path}: changed since validate ran; run `dvc repro`")
    return content
