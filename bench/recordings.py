"""Recordings to measure with: made here, of any length and format, or the rows of a CSV.

The sound is speech in what matters to the stage: voiced syllables with pauses between them, and quiet noise before and after.
"""

import argparse
import csv
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from asr.audio.decoding import UnreadableAudioError, read_recording
from asr.base.entries import AudioEntry
from asr.base.hashes import content_hash
from asr.base.progress import track

WORDS = "zero one two three four five six seven eight nine".split()
SYLLABLES_PER_SECOND = 4
HARMONICS = 8
SPREAD = 0.5
"""A recording is up to this share longer or shorter than the mean."""

CLIPS_PER_JOB = 25
MIN_SECONDS, MAX_SECONDS = 1.0, 30.0
"""The article's filter, applied beforehand to real data, so that every side has the same clips."""

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Recording:
    """A file and its transcript."""

    path: str
    text: str


@dataclass(frozen=True)
class Clip:
    """A recording that can be used, and its row in the list that the stage reads."""

    recording: Recording
    entry: AudioEntry


@dataclass(frozen=True)
class Kind:
    """What made recordings are like: their mean length, their format and their rate in Hz."""

    seconds: float
    format: str
    rate: int

    @property
    def name(self) -> str:
        """The name of their folder, so that another kind never meets this one's files."""
        return f"{self.format}-{self.rate}-{self.seconds:g}s"


def add_kind(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what made recordings are like."""
    parser.add_argument("--seconds", type=float, default=4.0, help="mean length of the clips that are made (%(default)s)")
    parser.add_argument("--format", choices=("mp3", "wav", "flac", "ogg"), default="mp3", help="their format (%(default)s)")
    parser.add_argument("--rate", type=int, default=22_050, help="their rate in Hz (%(default)s)")


def make_recordings(folder: Path, kind: Kind, count: int) -> list[Recording]:
    """Make `count` recordings in a folder inside `folder`, apart from those that are there already."""
    place = folder / kind.name
    place.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not _file(place, kind, number).exists()]
    for _ in _on_all_cores(partial(_write, place=place, kind=kind), missing, "making recordings"):
        pass
    return [Recording(str(_file(place, kind, number)), _sentence(number)) for number in range(count)]


def read_recordings(table: Path, audio_root: Path) -> list[Recording]:
    """The rows of a CSV with the article's columns, `audios,transcription`."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        return [Recording(str((audio_root / row["audios"]).resolve()), row["transcription"]) for row in csv.DictReader(file)]


def usable_clips(recordings: Sequence[Recording]) -> list[Clip]:
    """What every side can read, each sound once: decodable, and of the lengths and texts that the article keeps."""
    entries = _on_all_cores(_entry, recordings, "reading recordings")
    clips = {entry.id: Clip(recording, entry) for recording, entry in zip(recordings, entries, strict=True) if entry}
    if len(clips) < len(recordings):
        print(f"{len(recordings) - len(clips)} recordings left out: unreadable, too long or short, or twice", file=sys.stderr)
    return list(clips.values())


def _entry(recording: Recording) -> AudioEntry | None:
    try:
        content = Path(recording.path).read_bytes()
        seconds = read_recording(content).seconds
    except (OSError, UnreadableAudioError):
        return None
    usable = MIN_SECONDS < seconds < MAX_SECONDS and len(recording.text.strip()) > 5
    audio_hash = content_hash(content)
    return AudioEntry(audio_hash[:16], recording.path, audio_hash, seconds) if usable else None


def _on_all_cores(function: Callable[[Job], Result], jobs: Sequence[Job], what: str) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), context) as pool:
        yield from track(pool.map(function, jobs, chunksize=CLIPS_PER_JOB), total=len(jobs), what=what)


def _file(place: Path, kind: Kind, number: int) -> Path:
    return place / f"{number:06d}.{kind.format}"


def _write(number: int, place: Path, kind: Kind) -> None:
    file = _file(place, kind, number)
    unfinished = file.with_name(f"{file.name}.tmp")
    soundfile.write(unfinished, speechlike(number, kind.seconds, kind.rate), kind.rate, format=kind.format.upper())
    unfinished.replace(file)


def _sentence(number: int) -> str:
    return " ".join(WORDS[int(digit)] for digit in f"{number:06d}")


def speechlike(seed: int, mean_seconds: float, rate: int) -> NDArray[np.float32]:
    """Syllables of a few harmonics on a wandering pitch, some left out as pauses, in faint noise; shape (samples,)."""
    random = np.random.default_rng(seed)
    # The article's filter drops what is not longer than a second.
    seconds = max(1.1 * MIN_SECONDS, mean_seconds * random.uniform(1 - SPREAD, 1 + SPREAD))
    time = np.arange(int(seconds * rate), dtype=np.float32) / rate
    syllables = max(3, int(seconds * SYLLABLES_PER_SECOND))
    corners = np.linspace(0, seconds, syllables)
    pitch = np.interp(time, corners, random.uniform(90, 220) * random.uniform(0.8, 1.2, syllables))
    first = np.exp(2j * np.pi * np.cumsum(pitch) / rate).astype(np.complex64)
    voice, turn = np.zeros(len(time), np.float32), np.ones(len(time), np.complex64)
    for harmonic in range(1, HARMONICS + 1):
        turn *= first
        voice += turn.imag * np.float32(random.uniform(0.2, 1.0) / harmonic)
    loudness = random.uniform(0.3, 1.0, syllables) * (random.random(syllables) > 0.2)
    loudness[syllables // 2] = 1.0
    # A fifth is quiet ends, as much as trimming takes from the recorded digits that this was compared with.
    edges = (time > seconds * random.uniform(0.05, 0.15)) & (time < seconds * random.uniform(0.85, 0.95))
    beat = np.abs(np.sin(np.pi * SYLLABLES_PER_SECOND * time))
    voice *= (np.interp(time, corners, loudness) * beat * edges).astype(np.float32)
    noise = random.standard_normal(len(time), dtype=np.float32) * np.float32(0.001)
    return np.asarray(0.6 * voice / np.abs(voice).max() + noise, dtype=np.float32)
