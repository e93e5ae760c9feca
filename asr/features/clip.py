"""A clip: its log-mel features, from its file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr.audio.decoding import Recording, iterate_views
from asr.audio.waveform import Prepared, Waveform, prepare
from asr.base.entries import AudioEntry
from asr.base.errors import DataError
from asr.base.hashes import content_hash
from asr.features.logmel import log_mel
from asr.features.parameters import Features
from asr.shards.frames import SAMPLE_RATE

REMEDY = "run `dvc repro --force --single-item validate sets`, then `make repro`"
"""Not `dvc repro` alone: DVC hashes what a stage reads when the stage ends. So when a file was replaced while validate ran, DVC
has the hash of the new bytes, validate's list that of the old ones, and nothing would run.
"""

Copies = list[NDArray[np.float16]]
"""A clip's features, for each copy of it an array of shape (frames, mels)."""


@dataclass(frozen=True)
class Variants:
    """What is stored of each clip: copy 0 is the clip as recorded, any other is what `change` makes of it.

    `change` takes the waveform, the clip's id and the copy's number. `content` is what else its result depends on, in
    words. `untrimmed` takes the id and the number, and tells whether that copy is made of the
    recording with the silence at its ends. `modules` and `packages` are the code that does it.
    """

    copies: tuple[int, ...] = (0,)
    change: Callable[[Waveform, str, int], Waveform] | None = None
    content: str = ""
    untrimmed: Callable[[str, int], bool] | None = None
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


AS_RECORDED = Variants()


@dataclass(frozen=True)
class Unusable:
    """Why a clip has no features, and whether to try again the next time, as its bytes are not what it follows from."""

    reason: str
    again: bool = False


def features_of(clips: Iterable[AudioEntry], settings: Features, variants: Variants) -> Iterator[Copies | Unusable]:
    """Yield each clip's features, or why it has none. Clips of one file that follow one another are read together.

    Raises:
        DataError: when a file has changed since it was validated.
    """
    for _, of_file in groupby(clips, key=lambda clip: (clip.path, clip.audio_hash)):
        yield from _features_of_file(list(of_file), settings, variants)


def _features_of_file(clips: Sequence[AudioEntry], settings: Features, variants: Variants) -> Iterator[Copies | Unusable]:
    content = _read_unchanged(Path(clips[0].path), clips[0].audio_hash)
    made: dict[int, Copies | Unusable] = {}  # what has come before its turn
    turn = 0
    for place, found in iterate_views(content, [clip.view for clip in clips]):
        if isinstance(found, Recording):
            made[place] = _features(found, clips[place].id, settings, variants)
        else:
            made[place] = Unusable(str(found), again=True)
        while turn in made:
            yield made.pop(turn)
            turn += 1


def _features(recording: Recording, clip_id: str, settings: Features, variants: Variants) -> Copies | Unusable:
    sound = prepare(recording.samples, recording.rate, settings.trim_below_peak_db)
    if len(sound.speech) < settings.min_trimmed_seconds * SAMPLE_RATE:
        return Unusable(f"under {settings.min_trimmed_seconds:g} s after trimming")
    heard = (_copy(sound, clip_id, copy, variants) for copy in variants.copies)
    return [log_mel(waveform, settings.n_mels).astype(np.float16) for waveform in heard]


def _copy(sound: Prepared, clip_id: str, copy: int, variants: Variants) -> Waveform:
    if copy == 0:
        return sound.speech
    assert variants.change is not None
    is_whole = variants.untrimmed is not None and variants.untrimmed(clip_id, copy)
    return variants.change(sound.whole if is_whole else sound.speech, clip_id, copy)


def _read_unchanged(path: Path, audio_hash: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}, but it was there when validate ran; {REMEDY}") from error
    if content_hash(content) != audio_hash:
        raise DataError(f"{path}: changed since validate ran; {REMEDY}")
    return content
