"""Entries: lists of clips and the like as files of rows: JSON Lines, CSV.

What the features stages read (`AudioEntry`), what the labels come from (`TextEntry`) and what only the report reads
(`ColumnsEntry`) are kept in separate files, so that editing a transcript changes no input of the features, and editing another
column no input of a model.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.base.files import iterate_rows


@dataclass(frozen=True)
class View:
    """The part of a file that a clip is: from `start` to `end`, in seconds, of one channel. None: from the file's start, to its
    end, of all channels.
    """

    start: float | None = None
    end: float | None = None
    channel: int | None = None


WHOLE = View()


def part_of(path: str, view: View) -> str:
    """Write a file with its part as a browser understands it (https://www.w3.org/TR/media-frags/), but for the channel."""
    times = "" if view.start is None and view.end is None else f"t={in_seconds(view.start or 0)}"
    parts = [
        *([times if view.end is None else f"{times},{in_seconds(view.end)}"] if times else []),
        *([f"channel={view.channel}"] if view.channel is not None else []),
    ]
    return f"{path}#{'&'.join(parts)}" if parts else path


def in_seconds(time: float) -> str:
    """Write a time in a recording as briefly as it can be told from others."""
    return f"{time:.4f}".rstrip("0").rstrip(".")


def view_id(audio_hash: str, view: View) -> str:
    """Name a part of a file, 16 hexadecimal digits; the whole file by the beginning of its own hash."""
    if view == WHOLE:
        return audio_hash[:16]
    return hashlib.blake2b(f"{audio_hash} {view}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Clip:
    """A usable row.

    Attributes:
        path: starts at the project's folder.
        audio_hash: of the file's bytes, of which a clip with `start`, `end` or `channel` is a part.
        seconds: the clip's length.
        rate: of the file, in Hz.
        channels: of the file.
        text: as it was transcribed; empty where nobody speaks, as somebody has said.
        language: one of Whisper's codes, where the table has a column of them.
        peak_db: its loudest sample, in dB relative to full scale, 0 at most but for rounding.
        bandwidth: where its sound ends, in Hz (see asr/audio/inspection.py).
        fingerprint: what the clip sounds like, alike for copies in other formats (see asr/audio/fingerprint.py).
        sounding_seconds: its length without the silence at its ends; 0 where nobody knows.
        notes: what is odd about it, by the reasons of findings.
        extra: the table's other columns.
    """

    id: str
    line: int
    path: str
    audio_hash: str
    seconds: float
    rate: int
    channels: int
    text: str
    speaker: str | None
    extra: dict[str, str]
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    language: str | None = None
    peak_db: float = 0.0
    bandwidth: int = 0
    fingerprint: str = ""
    sounding_seconds: float = 0.0
    notes: Sequence[str] = ()

    @property
    def view(self) -> View:
        """The part of the file that it is."""
        return View(self.start, self.end, self.channel)


@dataclass(frozen=True)
class AudioEntry:
    """A clip's sound: which part of which file it is, and what the file's bytes hash to."""

    id: str
    path: str
    audio_hash: str
    seconds: float
    start: float | None = None
    end: float | None = None
    channel: int | None = None

    @property
    def view(self) -> View:
        """The part of the file that it is."""
        return View(self.start, self.end, self.channel)


@dataclass(frozen=True)
class TextEntry:
    """A clip's words: `text` is what is learned, nothing where nobody speaks; `raw_text` is as it was transcribed; `dataset` is
    the split or test set it is in, `language` the code of what is spoken, None where model.language says it.
    """

    dataset: str
    id: str
    path: str
    text: str
    raw_text: str
    speaker: str | None
    language: str | None = None


@dataclass(frozen=True)
class ColumnsEntry:
    """What else the table says of a clip of the split or test set `dataset`: its other columns, one or more, by their names."""

    dataset: str
    id: str
    extra: dict[str, str]


@dataclass(frozen=True)
class Heard:
    """What the exported model, and the tuned one itself in whole windows, have heard in a clip's recording."""

    id: str
    exported: str
    tuned: str


@dataclass(frozen=True)
class HeardByBase:
    """What the base model writes of a clip that has no transcript; `left_out` says why that is not learned, where it isn't."""

    id: str
    text: str
    left_out: str = ""


@dataclass(frozen=True)
class Written:
    """What a model has written in a condition of use.

    Attributes:
        model: base, tuned or export.
        condition: what it was given to hear (see asr/usage).
        clips: the ids of the clips in it, in order; none where nobody speaks.
        seconds: how long it is.
        segments: what is written, in order.
        language: what the model was told; None: nothing.
    """

    model: str
    condition: str
    clips: list[str]
    seconds: float
    segments: list[str]
    language: str | None


TEST_SPLIT = "test"
"""The name of the split, which no other test set may have."""


def audio_entries(clips: Iterable[Clip]) -> list[AudioEntry]:
    """List the sound of each clip."""
    return [AudioEntry(c.id, c.path, c.audio_hash, c.seconds, c.start, c.end, c.channel) for c in clips]


def text_entries(dataset: str, clips: Iterable[Clip], label: Callable[[str, str | None], str]) -> list[TextEntry]:
    """List the words of each clip of a split or test set; `label` makes of a transcript and its language what is learned."""
    return [
        TextEntry(dataset, c.id, part_of(c.path, c.view), label(c.text, c.language), c.text, c.speaker, c.language)
        for c in clips
    ]


def column_entries(dataset: str, clips: Iterable[Clip]) -> list[ColumnsEntry]:
    """List the other columns of each clip of a split or test set that has any."""
    return [ColumnsEntry(dataset, clip.id, clip.extra) for clip in clips if clip.extra]


def read_texts(path: Path) -> dict[str, list[TextEntry]]:
    """Read a file of transcripts, by split or test set."""
    sets: dict[str, list[TextEntry]] = {}
    for row in iterate_rows(path, TextEntry):
        sets.setdefault(row.dataset, []).append(row)
    return sets
