"""Joining: neighbouring parts of a recording as one clip whose transcript says when each of them was said.

Times are learned from windows in which several things are said one after another, as Whisper was trained; a clip of one
subtitle only shows that speech begins at its start and stops at its end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from asr.base.entries import AudioEntry, Clip, View, view_id
from asr.base.text import TIMESTAMP

STEP = 0.02
"""Seconds between two of Whisper's timestamps."""

MOST_SILENCE = 2.0
"""Seconds between two parts that are joined: in a longer gap there may be speech that nobody has written down."""


def join_timed(clips: Sequence[Clip], longest: float) -> list[Clip]:
    """Join parts of a recording that follow each other in the table and in time, by one speaker in one language, to clips of
    under `longest` seconds, and write the times into their transcripts. Clips that are no parts stay as they are.
    """
    return [_joined(run) if _is_timed(run[0]) else run[0] for run in _runs(clips, longest)]


def parts_of(entries: Iterable[AudioEntry], clips: Iterable[Clip]) -> list[Clip]:
    """Find the clips that a split was made of: those of its entries, and of an entry that was joined, its parts."""
    by_id: dict[str, Clip] = {}
    by_file: dict[str, list[Clip]] = {}
    for clip in clips:
        by_id[clip.id] = clip
        by_file.setdefault(clip.audio_hash, []).append(clip)
    return [
        clip
        for entry in entries
        for clip in ([by_id[entry.id]] if entry.id in by_id else filter(partial(_is_in, entry), by_file[entry.audio_hash]))
    ]


def _is_in(entry: AudioEntry, clip: Clip) -> bool:
    """Whether a clip of the entry's file is one of its parts."""
    assert entry.start is not None
    assert entry.end is not None
    return (
        (clip.path, clip.channel) == (entry.path, entry.channel)
        and clip.start is not None
        and clip.end is not None
        and entry.start <= clip.start
        and clip.end <= entry.end
    )


def _is_timed(clip: Clip) -> bool:
    """Whether it is a part of a file with an end in which somebody speaks, and its transcript has no times of its own."""
    return bool(clip.text) and clip.start is not None and clip.end is not None and not TIMESTAMP.search(clip.text)


def _runs(clips: Sequence[Clip], longest: float) -> Iterator[list[Clip]]:
    run: list[Clip] = []
    for clip in clips:
        if run and not _follows(run, clip, longest):
            yield run
            run = []
        run.append(clip)
    if run:
        yield run


def _follows(run: Sequence[Clip], clip: Clip, longest: float) -> bool:
    first, last = run[0], run[-1]
    alike = [(each.path, each.channel, each.speaker, each.language) for each in (last, clip)]
    if alike[0] != alike[1] or not _is_timed(last) or not _is_timed(clip):
        return False
    assert first.start is not None
    assert last.end is not None
    assert clip.start is not None
    assert clip.end is not None
    return 0 <= clip.start - last.end <= MOST_SILENCE and clip.end - first.start < longest


def _joined(run: Sequence[Clip]) -> Clip:
    first, last = run[0], run[-1]
    start = first.start or 0.0
    view = View(first.start, last.end, first.channel)
    marked = (f"{_mark(clip.start, start)} {clip.text}{_mark(clip.end, start)}" for clip in run)
    return replace(
        first,
        id=view_id(first.audio_hash, view),
        end=last.end,
        seconds=round((last.end or 0.0) - start, 4),
        text="".join(marked),
        fingerprint=first.fingerprint if len(run) == 1 else "",
        notes=sorted({note for clip in run for note in clip.notes}),
    )


def _mark(time: float | None, start: float) -> str:
    return f"<|{round(((time or 0.0) - start) / STEP) * STEP:.2f}|>"
