"""Clips: the CSV's rows checked against their audio. A row is either a usable clip or a reject with its reason."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from asr.audio.decoding import UnreadableAudioError, content_hash, read_recording
from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.progress import track
from asr.jobs.run import run_jobs
from asr.jobs.work import Work
from asr.machine.engine import Engine
from asr.recordings.rejects import Reject
from asr.tables.row import BadRow, Row

SILENCE_PEAK = 10 ** (-60 / 20)
"""Quieter than 60 dB under full scale is silence."""

ROWS_PER_JOB = 64

Job = tuple[int, Sequence[Row | BadRow]]
"""The place of the first of some rows, and these rows."""


def check_rows(
    rows: Sequence[Row | BadRow], audio_root: str, engine: Engine, root_name: str = "data.audio_root"
) -> tuple[list[Clip], list[Reject]]:
    """Decode every row's audio and sort the rows into clips and rejects, both in the CSV's order.

    Args:
        rows: the CSV's.
        audio_root: where its paths start.
        engine: where the work is done.
        root_name: what the user calls `audio_root`, for the remedies.
    """
    jobs = [(start, rows[start : start + ROWS_PER_JOB]) for start in range(0, len(rows), ROWS_PER_JOB)]
    work = Work(partial(_check_job, audio_root=audio_root, root_name=root_name), _rows_apart, _place_of)
    ended = track(
        run_jobs(work, jobs, engine), len(rows), "validate", "row", size=lambda job_and_result: len(job_and_result[1])
    )
    in_order = sorted(ended, key=lambda job_and_result: job_and_result[0][0])
    results = list(_name_clips(chain.from_iterable(checked for _, checked in in_order)))
    clips = [result for result in results if isinstance(result, Clip)]
    return clips, [result for result in results if isinstance(result, Reject)]


def require_enough(clips: Sequence[Clip], rejects: Sequence[Reject], min_clips: int, max_reject_share: float) -> None:
    """Stop when too little is usable.

    Raises:
        DataError: naming the commonest reasons.
    """
    total = len(clips) + len(rejects)
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(r.reason for r in rejects).most_common())
    first = "".join(f"\n  line {r.line}: {r.path}: {r.detail}; {r.remedy}" for r in rejects[:5])
    why = f" ({reasons}){first}" if rejects else ""
    if len(clips) < min_clips:
        raise DataError(f"{len(clips)} of {total} rows are usable, data.min_clips asks for {min_clips}{why}")
    if len(rejects) > max_reject_share * total:
        raise DataError(
            f"{len(rejects)} of {total} rows can't be used, more than data.max_reject_share {max_reject_share:g}{why}"
        )


def _check_job(job: Job, audio_root: str, root_name: str) -> list[Clip | Reject]:
    return [check_row(row, audio_root, root_name) for row in job[1]]


def _rows_apart(job: Job) -> Iterator[Job]:
    return ((job[0], [row]) for row in job[1])


def _place_of(job: Job) -> str:
    return f"line {job[1][0].line}: {job[1][0].audio}"


def check_row(row: Row | BadRow, audio_root: str, root_name: str = "data.audio_root") -> Clip | Reject:
    """Check one row; decoding is complete, so that a file that can't be read to its end is found here and not in training."""
    if isinstance(row, BadRow):
        return Reject(row.line, row.audio, row.reason, row.detail, row.remedy)
    path = locate(row.audio, audio_root)
    if isinstance(path, str):
        return Reject(row.line, row.audio, "path outside audio_root", path, f"give it relative to {root_name}")
    reject = partial(Reject, row.line, row.audio)
    if not row.text:
        return reject("empty transcript", "no text", "transcribe the clip or remove the row")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return reject("file not found", f"{path} does not exist", f"check the name and {root_name}")
    except OSError as error:
        return reject("file can't be opened", error.strerror or "not a file", "check the name and its permissions")
    if not content:
        return reject("empty file", "0 bytes", "copy the file again")
    try:
        recording = read_recording(content)
    except UnreadableAudioError as error:
        return reject("unreadable audio", str(error), "export the recording again")
    if recording.seconds == 0:
        return reject("no samples", "0 s of audio", "export the recording again")
    peak = float(np.abs(recording.samples).max())
    if not np.isfinite(peak):
        return reject("invalid samples", "infinite or not-a-number samples", "export the recording again")
    if peak < SILENCE_PEAK:
        return reject("silence", "nothing above -60 dB", "record the clip again or remove the row")
    digest = content_hash(content)
    return Clip(
        digest[:16], row.line, path.as_posix(), digest, round(recording.seconds, 4),
        recording.rate, recording.channels, row.text, row.speaker, row.extra,
    )  # fmt: skip


def locate(written: str, audio_root: str) -> Path | str:
    """The file that a row means, or why it may not be used.

    Compared as text: links inside the folder may point elsewhere, as DVC's own checkouts do.
    """
    if not written:
        return "no path"
    inside = os.path.relpath(os.path.join(audio_root, written), audio_root)
    if inside == os.curdir or inside == os.pardir or inside.startswith(os.pardir + os.sep):
        return f"{written} is not inside {audio_root}"
    return Path(audio_root) / inside


def _name_clips(results: Iterable[Clip | Reject]) -> Iterator[Clip | Reject]:
    """Give repeated audio ids of its own; the same audio under two speakers could straddle splits, so it is refused."""
    seen: dict[str, Clip] = {}
    repeats: Counter[str] = Counter()
    for result in results:
        if isinstance(result, Reject):
            yield result
            continue
        first = seen.setdefault(result.audio_hash, result)
        repeats[result.audio_hash] += 1
        number = repeats[result.audio_hash]
        if first.speaker != result.speaker:
            detail = f"same audio as line {first.line}, there spoken by {first.speaker or 'nobody'}"
            yield Reject(result.line, result.path, "audio of two speakers", detail, "correct one of the two rows")
        else:
            yield result if number == 1 else replace(result, id=f"{result.id}-{number}")
