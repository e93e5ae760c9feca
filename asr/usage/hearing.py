"""Hearing: the roads on which users hear with a model, and what is written on each of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from asr.audio.waveform import Waveform, at_level
from asr.base.entries import Written
from asr.export.hearing import in_whole_windows
from asr.export.parameters import WINDOW_SECONDS
from asr.export.recognizer import Recognizer
from asr.export.sound import decode, in_window
from asr.model.whisper import Whisper
from asr.recognition.long import Listener, default_chunk, spoken
from asr.shards.frames import SAMPLE_RATE
from asr.usage.material import LEVELS_DBFS, Joined, Kind

AT_ONCE = 64
"""Recordings in memory, at every level."""

AS_RECORDED, PREPARED = "as_recorded", "prepared"
LEVELS = {AS_RECORDED: None, **{f"dbfs_{-level}": level for level in LEVELS_DBFS}}
"""Conditions, with the level of each; None: as it is."""

Hear = Callable[[Sequence[Waveform], str | None], list[str]]
"""Takes waveforms that fit into a window, and the language that the model is told; gives what it writes of each."""


@dataclass(frozen=True)
class Recorded:
    """A recording of the test split, and the language that a model is told of it."""

    path: Path
    language: str | None


def by_transformers(whisper: Whisper) -> Hear:
    """As transformers' pipeline: nothing is prepared."""
    return lambda waveforms, language: in_whole_windows(whisper, waveforms, [language] * len(waveforms))


def by_faster_whisper(recognizer: Recognizer) -> Hear:
    """As a program with docs/deploying.md's lines for short recordings: nothing is prepared, silence fills the window up."""
    return lambda waveforms, language: [text for text, _ in recognizer.hear(waveforms, language)]


def hear_recordings(model: str, hear: Hear, recordings: Sequence[Recorded]) -> Iterator[Written]:
    """What is written of each recording as it is, and at each of LEVELS_DBFS."""
    for language, alike in groupby(sorted(recordings, key=_language), key=lambda each: each.language):
        told = list(alike)
        for start in range(0, len(told), AT_ONCE):
            loaded = [(each.path.stem, decode(each.path).waveform) for each in told[start : start + AT_ONCE]]
            heard = [
                (condition, name, waveform if level is None else at_level(waveform, level))
                for condition, level in LEVELS.items()
                for name, waveform in loaded
            ]
            texts = hear([waveform for _, _, waveform in heard], language)
            for (condition, name, waveform), text in zip(heard, texts, strict=True):
                yield Written(model, condition, [name], _seconds(waveform), [text], language)


def hear_nobody(model: str, hear: Hear, sounds: Mapping[Kind, Sequence[Waveform]], language: str | None) -> Iterator[Written]:
    """What is written of sounds without speech."""
    heard = [(kind, piece) for kind, pieces in sounds.items() for piece in pieces]
    for (kind, piece), text in zip(heard, hear([piece for _, piece in heard], language), strict=True):
        yield Written(model, kind, [], _seconds(piece), [text], language)


def hear_joined(model: str, recognizer: Recognizer, joined: Joined, language: str | None) -> Iterator[Written]:
    """What is written of a long recording, by commands.transcribe, by the lines of docs/deploying.md, and by faster-whisper
    alone, with timestamps and without; and of each recording in it, prepared as commands.transcribe prepares it.
    """
    alone = recognizer.hear(map(recognizer.prepared, joined.parts), language)
    for name, part, (text, _) in zip(joined.ids, joined.parts, alone, strict=True):
        yield Written(model, PREPARED, [name], _seconds(part), [text], language)
    listener = Listener(recognizer, default_chunk(recognizer.longest_clip), language)
    roads = {
        "joined_transcribe": [segment.text for segment in listener.hear_waveform(joined.waveform).segments],
        "joined_stretches": hear_stretches(recognizer, joined.waveform, language),
        "joined_timestamps": recognizer.hear_long(joined.waveform, language, without_timestamps=False),
        "joined_no_timestamps": recognizer.hear_long(joined.waveform, language, without_timestamps=True),
    }
    for condition, segments in roads.items():
        yield Written(model, condition, list(joined.ids), _seconds(joined.waveform), segments, language)


def hear_stretches(recognizer: Recognizer, waveform: Waveform, language: str | None) -> list[str]:
    """As a program with the lines of docs/deploying.md for long recordings: each stretch of speech by itself, in a window that
    silence fills up, and otherwise as it is.
    """
    stretches = [waveform[start:end] for start, end in spoken(waveform, default_chunk(recognizer.longest_clip))]
    windows = [in_window(stretch, WINDOW_SECONDS) for stretch in stretches]
    return [" ".join(recognizer.hear_long(window, language, without_timestamps=True)) for window in windows]


def _language(each: Recorded) -> str:
    return each.language or ""


def _seconds(waveform: Waveform) -> float:
    return round(len(waveform) / SAMPLE_RATE, 2)
