"""Inspecting: many parts of many files, of which only those are decoded that no earlier run has seen."""

import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asr.audio
from asr.audio.findings import Finding
from asr.audio.inspection import Sound, inspect
from asr.base.entries import View
from asr.base.hashes import code_version, content_hash
from asr.base.progress import track
from asr.jobs.run import run_jobs
from asr.jobs.work import Work
from asr.machine.engine import Engine
from asr.recordings.inspections import Inspections, open_inspections
from asr.recordings.locating import Located, state_of

PACKAGES = ("av", "numpy", "scipy", "soundfile", "soxr")
"""What is found out depends on their versions, and on all modules of asr.audio."""

PARTS_PER_JOB = 64

LARGEST = 2**30
"""Bytes of a file that is read: an hour of CD sound is 635 MB."""

SECONDS_BETWEEN_KEEPING = 10.0
"""So much work is lost at most when a run is killed; to keep it after each job would take a third of the time."""

SECONDS_TO_SETTLE = 2.0
"""A file that was changed just now may be changed again without showing it, as file systems count time in steps."""


@dataclass(frozen=True)
class Part:
    """A part of a file that is to be inspected; `line` and `name` are those of its row."""

    line: int
    name: str
    file: Located
    view: View


@dataclass(frozen=True)
class Inspected:
    """A part that was inspected: the hash of the whole file's bytes, and what the part is like."""

    audio_hash: str
    sound: Sound


@dataclass(frozen=True)
class _File:
    """A file with the parts that are wanted, by their places in the caller's list."""

    parts: tuple[Part, ...]
    places: tuple[int, ...]

    @property
    def file(self) -> Located:
        """The file that all parts are of."""
        return self.parts[0].file

    @property
    def views(self) -> list[View]:
        """Each part of it."""
        return [part.view for part in self.parts]


@dataclass(frozen=True)
class _Read:
    """A file that a worker has read; `is_settled`: its state tells whether it is still the same."""

    audio_hash: str
    sounds: tuple[Sound, ...]
    is_settled: bool


Job = tuple[_File, ...]


def inspect_parts(parts: Sequence[Part], kept_in: Path, engine: Engine) -> list[Inspected | Finding]:
    """Inspect each part; a finding in its place is of a file that can't be read at all.

    Args:
        parts: of any files, in any order. Each file is read once.
        kept_in: the file in which inspections are kept.
        engine: where files are decoded.
    """
    version = code_version(sorted(Path(asr.audio.__path__[0]).glob("*.py")), PACKAGES)
    found: list[Inspected | Finding | None] = [None] * len(parts)
    with open_inspections(kept_in, version) as kept:
        unknown = [file for file in _by_file(parts) if not _recall(file, kept, found)]
        work = Work(partial(_read_files, kept_in=kept_in, version=version), _files_apart, _name_of)
        total = sum(len(file.places) for file in unknown)
        ended = track(run_jobs(work, _jobs(unknown), engine), total, "audio", size=_parts_in)
        kept_at = time.monotonic()
        for job, results in ended:
            for file, result in zip(job, results, strict=True):
                if isinstance(result, _Read):
                    kept.add(file.file if result.is_settled else None, result.audio_hash, file.views, result.sounds)
                _place(file, result, found)
            if time.monotonic() - kept_at > SECONDS_BETWEEN_KEEPING:
                kept.keep()
                kept_at = time.monotonic()
        kept.keep()
    print(f"audio: {len(parts)} clips, {total} of them read now", file=sys.stderr)
    return [each for each in found if each is not None]


def _by_file(parts: Sequence[Part]) -> list[_File]:
    places: dict[str, list[int]] = {}
    for place, part in enumerate(parts):
        places.setdefault(part.file.path, []).append(place)
    return [_File(tuple(parts[place] for place in of), tuple(of)) for of in places.values()]


def _recall(file: _File, kept: Inspections, found: list[Inspected | Finding | None]) -> bool:
    """Put what is known of a file into its places; False when it has to be read."""
    audio_hash = kept.hash_of(file.file)
    sounds = None if audio_hash is None else kept.sounds(audio_hash, file.views)
    if audio_hash is None or sounds is None:
        return False
    _place(file, _Read(audio_hash, tuple(sounds), is_settled=True), found)
    return True


def _place(file: _File, result: _Read | Finding, found: list[Inspected | Finding | None]) -> None:
    for number, place in enumerate(file.places):
        found[place] = result if isinstance(result, Finding) else Inspected(result.audio_hash, result.sounds[number])


def _jobs(files: Sequence[_File]) -> Iterator[Job]:
    job: list[_File] = []
    for file in files:
        job.append(file)
        if sum(len(each.parts) for each in job) >= PARTS_PER_JOB:
            yield tuple(job)
            job = []
    if job:
        yield tuple(job)


def _read_files(job: Job, kept_in: Path, version: str) -> list[_Read | Finding]:
    """Read and inspect files, as workers do."""
    with open_inspections(kept_in, version, read_only=True) as kept:
        return [_read(file, kept) for file in job]


def _read(file: _File, kept: Inspections) -> _Read | Finding:
    try:
        content, is_settled = _content(file.file)
    except FileNotFoundError:
        return Finding("refuse", "file not found", f"{file.file.path} is gone since the run began", "put it back")
    except OSError as error:
        return Finding("refuse", "file can't be opened", error.strerror or "not a file", "check the name and its permissions")
    if not content:
        return Finding("refuse", "empty file", "0 bytes", "copy the file again")
    if len(content) > LARGEST:
        return Finding("refuse", "file too large", f"over {LARGEST >> 20} MB", "cut it, or save it as flac")
    audio_hash = content_hash(content)
    sounds = kept.sounds(audio_hash, file.views) or inspect(content, file.views)
    return _Read(audio_hash, tuple(sounds), is_settled)


def _content(located: Located) -> tuple[bytes, bool]:
    """A file's bytes, one more than LARGEST at most, and whether its state tells that it stays as it was located."""
    # A pipe that has come into the place of a file would keep this waiting.
    with open(os.open(located.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError
        content = file.read(min(before.st_size, LARGEST) + 1)
        after = os.fstat(file.fileno())
    return content, state_of(after) == located.state and time.time() - after.st_ctime > SECONDS_TO_SETTLE


def _files_apart(job: Job) -> Iterator[Job]:
    return ((_File((part,), (place,)),) for file in job for part, place in zip(file.parts, file.places, strict=True))


def _name_of(job: Job) -> str:
    first = job[0].parts[0]
    return f"line {first.line}: {first.name}"


def _parts_in(job_and_results: tuple[Job, list[_Read | Finding]]) -> int:
    return sum(len(file.places) for file in job_and_results[0])
