"""Long recordings: faster-whisper finds the speech, by Silero's model, cuts it into chunks, and transcribes several at once."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import av
from faster_whisper import BatchedInferencePipeline
from faster_whisper.vad import VadOptions, get_speech_timestamps

from asr.base.sampling import SAMPLE_RATE
from asr.export.parameters import WINDOW_SECONDS
from asr.export.recognizer import Recognizer
from asr.export.sound import decode
from asr.recognition.subtitles import Segment

SHORTEST = 2
"""Seconds: MARGIN is kept on both sides of speech, and between them there has to be some."""

AT_ONCE = 64
"""Chunks whose features are in memory: a window's are 1 to 1.5 MB, however short the chunk."""

PAUSE = 500
"""Milliseconds of silence that end an utterance."""

MARGIN = 500
"""Milliseconds kept before and after speech."""

THRESHOLD = 0.3
"""The probability from which Silero's model is believed that somebody speaks. At 0.5, with a margin of 200 ms, it loses first
syllables on the telephone, and with them whole sentences: the sample's test clips in one file, two seconds apart, have a WER of
32.50 % then, with these values 12.75 %, and 13.25 % one by one.
"""


@dataclass(frozen=True)
class Listening:
    """A recording that is being transcribed.

    Attributes:
        duration: its length in seconds.
        language: a code; None where it would have to be detected and nobody speaks.
        segments: what is said, computed as it is asked for: ascending, within the recording, each with text.
    """

    duration: float
    language: str | None
    segments: Iterator[Segment]


@dataclass(frozen=True)
class Listener:
    """A model, and how it hears recordings of any length.

    Attributes:
        recognizer: the model.
        chunk_seconds: the longest chunk, from SHORTEST to a window's.
        language: a code; None: what the model was tuned for, or else the one that is detected in each recording.
    """

    recognizer: Recognizer
    chunk_seconds: float
    language: str | None = None

    def hear(self, recording: Path) -> Listening:
        """Decode a recording, find speech in it, and begin to transcribe.

        A segment is a chunk: what is said between two pauses, or a part of it where that is longer than `chunk_seconds`. So the
        model need not know timestamps, and those that it knows are not asked for.

        Raises:
            DataError: when it can't be decoded.
        """
        samples = decode(recording)
        duration = round(len(samples) / SAMPLE_RATE, 3)
        options = {**self.recognizer.options, **({"language": self.language} if self.language else {})}
        limits = VadOptions(
            threshold=THRESHOLD,
            max_speech_duration_s=self.chunk_seconds,
            min_silence_duration_ms=PAUSE,
            speech_pad_ms=MARGIN,
        )
        spoken = get_speech_timestamps(samples, limits)
        if not spoken:
            return Listening(duration, options["language"], iter(()))
        # Each stretch of speech by itself. Under vad_filter, faster-whisper joins in a chunk what lies minutes apart. A model
        # that was tuned on single utterances has never heard that, and nothing would say when each of them begins.
        chunks = [{side: sample / SAMPLE_RATE for side, sample in stretch.items()} for stretch in spoken]
        transcribe = BatchedInferencePipeline(self.recognizer.model).transcribe
        found, info = transcribe(samples, clip_timestamps=chunks[:AT_ONCE], **options)
        options["language"] = info.language
        later = (
            segment
            for first in range(AT_ONCE, len(chunks), AT_ONCE)
            for segment in transcribe(samples, clip_timestamps=chunks[first : first + AT_ONCE], **options)[0]
        )
        return Listening(duration, info.language, ascending(chain(found, later), duration))


def ascending(found: Iterable[Any], duration: float) -> Iterator[Segment]:
    """The segments that have text, none of which begins before the last one ends, or ends after the recording."""
    reached = 0.0
    for segment in found:
        text, start = " ".join(segment.text.split()), max(segment.start, reached)
        if text:
            reached = max(start, min(segment.end, duration))
            yield Segment(start, reached, text)


def default_chunk(longest_clip: float | None) -> int:
    """As long as the clips that the model knows, in seconds, within its window; the whole window where nobody knows them."""
    return WINDOW_SECONDS if longest_clip is None else min(WINDOW_SECONDS, max(SHORTEST, math.ceil(longest_clip)))


def seconds_of(recording: Path) -> float:
    """The length that a file's header says, or 0 where it says none."""
    try:
        with av.open(str(recording), metadata_errors="ignore") as container:
            return (container.duration or 0) / av.time_base
    except Exception:  # decoding it will say why
        return 0.0
