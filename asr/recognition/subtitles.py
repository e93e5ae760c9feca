"""Formats of a transcript: text, subtitles (SubRip's SRT, WebVTT), JSON."""

import json
from dataclasses import asdict, dataclass
from html import escape
from typing import Literal, get_args

Format = Literal["txt", "srt", "vtt", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class Segment:
    """What is said from `start` to `end`, in seconds from the recording's beginning."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Transcript:
    """A recording in words.

    Attributes:
        path: the recording.
        duration: its length in seconds.
        language: its code; None where it had to be detected and nobody speaks.
        model: the model's folder.
        segments: what is said; they ascend, lie within the recording, and have text.
    """

    path: str
    duration: float
    language: str | None
    model: str
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """All that is said, in one line."""
        return " ".join(segment.text for segment in self.segments)


def render(transcript: Transcript, form: Format) -> str:
    """The content of a file of this format."""
    match form:
        case "txt":
            return "".join(f"{segment.text}\n" for segment in transcript.segments)
        case "srt":
            return "\n".join(_srt_cue(number, segment) for number, segment in enumerate(transcript.segments, start=1))
        case "vtt":
            return "\n".join(["WEBVTT\n", *(_vtt_cue(segment) for segment in transcript.segments)])
        case "json":
            return json.dumps(asdict(transcript), indent=2, ensure_ascii=False) + "\n"


def _srt_cue(number: int, segment: Segment) -> str:
    text = segment.text.replace("-->", "->")  # which would begin another cue
    return f"{number}\n{_time(segment.start, ',')} --> {_time(segment.end, ',')}\n{text}\n"


def _vtt_cue(segment: Segment) -> str:
    return f"{_time(segment.start, '.')} --> {_time(segment.end, '.')}\n{escape(segment.text, quote=False)}\n"


def _time(seconds: float, decimal: str) -> str:
    whole, thousandths = divmod(round(1_000 * seconds), 1_000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{decimal}{thousandths:03}"
