"""Feature extraction: from the clips of a manifest to a folder of shards."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asr.audio import UnreadableAudioError, content_hash, decode
from asr.engine import run_jobs
from asr.errors import DataError
from asr.logmel import log_mel
from asr.manifest import AudioEntry
from asr.params import Section
from asr.progress import track
from asr.shards import Dropped, Shard, write_manifest, write_shard
from asr.waveform import SAMPLE_RATE, Waveform, normalize_peak, to_mono_16k, trim_silence

CLIPS_PER_SHARD = 256

Change = Callable[[Waveform, str], Waveform]


class Extraction(Section):
    """What is computed from a clip; nothing here knows a model or a transcript."""

    n_mels: Literal[80, 128]
    trim_below_peak_db: float | None = Field(gt=0)
    min_trimmed_seconds: float = Field(ge=0)


@dataclass(frozen=True)
class _Job:
    file: Path
    clips: Sequence[AudioEntry]


def extract(clips: Sequence[AudioEntry], folder: Path, settings: Extraction, change: Change | None, workers: int) -> None:
    """Write the features of `clips`, in their order, to `folder`.

    Args:
        clips: whose audio is read; it must be what was validated.
        folder: created; has to be empty.
        settings: the parameters of the features.
        change: what to make of each waveform, given its clip's id; None leaves it as recorded.
        workers: processes; the bytes written don't depend on it.

    Raises:
        DataError: when a file has changed since it was validated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        _Job(folder / f"{start // CLIPS_PER_SHARD:05d}.arrow", clips[start : start + CLIPS_PER_SHARD])
        for start in range(0, len(clips), CLIPS_PER_SHARD)
    ]
    run = partial(_extract_shard, settings=settings, change=change)
    shards: list[Shard] = []
    dropped: list[Dropped] = []
    for shard, gone in track(run_jobs(run, jobs, workers), total=len(jobs), what=f"features of {folder.name}", unit="shard"):
        shards.append(shard)
        dropped.extend(gone)
    if clips and len(dropped) == len(clips):
        raise DataError(f"no clip of {folder.name} has features (the first: {dropped[0].path}, {dropped[0].reason})")
    write_manifest(folder, settings.n_mels, shards, dropped)
    print(f"features of {folder.name}: {sum(shard.clips for shard in shards)} clips", file=sys.stderr)
    for clip in dropped:
        print(f"  {clip.path}: dropped, {clip.reason}", file=sys.stderr)


def _extract_shard(job: _Job, settings: Extraction, change: Change | None) -> tuple[Shard, list[Dropped]]:
    ids: list[str] = []
    features: list[NDArray[np.float16]] = []
    dropped: list[Dropped] = []
    for clip in job.clips:
        result = clip_features(clip, settings, change)
        if isinstance(result, Dropped):
            dropped.append(result)
        else:
            ids.append(clip.id)
            features.append(result)
    write_shard(job.file, ids, features)
    return Shard(job.file.name, len(ids)), dropped


def clip_features(clip: AudioEntry, settings: Extraction, change: Change | None) -> NDArray[np.float16] | Dropped:
    """One clip's log-mel features, shape (frames, mels), or why it has none."""
    path = Path(clip.path)
    _require_unchanged(path, clip.audio_hash)
    try:
        recording = decode(path)
    except UnreadableAudioError as error:
        return Dropped(clip.id, clip.path, str(error))
    waveform = to_mono_16k(recording.samples, recording.rate)
    if settings.trim_below_peak_db is not None:
        waveform = trim_silence(waveform, settings.trim_below_peak_db)
    if len(waveform) < settings.min_trimmed_seconds * SAMPLE_RATE:
        return Dropped(clip.id, clip.path, f"under {settings.min_trimmed_seconds:g} s after trimming")
    waveform = normalize_peak(waveform)
    if change is not None:
        waveform = change(waveform, clip.id)
    return log_mel(waveform, settings.n_mels).astype(np.float16)


def _require_unchanged(path: Path, audio_hash: str) -> None:
    try:
        found = content_hash(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}, but it was there when validate ran; run `dvc repro`") from error
    if found != audio_hash:
        raise DataError(f"{path}: changed since validate ran; run `dvc repro`")
