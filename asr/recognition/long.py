"""Long recordings: Silero's model finds the speech, which is cut into chunks; each is prepared as a clip was for training, and
several are transcribed at once.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import av
from faster_whisper.vad import VadOptions, get_speech_timestamps

from asr.audio.ffmpeg import Patience, open_media
from asr.audio.waveform import Waveform
from asr.export.parameters import WINDOW_SECONDS
from asr.export.recognizer import Recognizer
from asr.export.sound import decode, prepared
from asr.recognition.subtitles import Segment
from asr.shards.frames import SAMPLE_RATE

SHORTEST = 2
"""Seconds: MARGIN is kept on both sides of speech, and between them there has to be some."""

PAUSE = 500
"""Milliseconds of silence that end an utterance."""

MARGIN = 500
"""Milliseconds kept before and after speech."""

THRESHOLD = 0.3
"""The probability from which Silero's model is believed that somebody speaks. At 0.5, with a margin of 200 ms, it loses first
syllables on the telephone, and with them whole sentences: the sample's test clips in one file, two seconds apart, had a WER of
32.50 % then by an earlier bundled model once it was tuned, with these values 12.75 %, and 13.25 % one by one.
"""


@dataclass(frozen=True)
class Listening:
    """A recording that is being transcribed.

    Attributes:
        duration: its length in seconds, as far as it can be read.
        language: a code; None where it would have to be detected and nobody speaks.
        segments: what is said, computed as it is asked for: ascending, within the recording, each with text.
        missing: how much of it can't be read, and where; None: nothing, or little.
    """

    duration: float
    language: str | None
    segments: Iterator[Segment]
    missing: str | None = None


@dataclass(frozen=True)
class Listener:
    """A model, and how it hears recordings of any length.

    Attributes:
        recognizer: the model.
        chunk_seconds: the longest speech in a chunk, from SHORTEST to a window's, without MARGIN.
        language: a code; None: what the model was tuned for, or else the one that is detected in each recording.
        channel: the channel that is heard, from 0; None: all of them, mixed.
    """

    recognizer: Recognizer
    chunk_seconds: float
    language: str | None = None
    channel: int | None = None

    def hear(self, recording: Path) -> Listening:
        """Decode a recording, find speech in it, and begin to transcribe.

        A segment is a chunk: a recording that is no longer than `chunk_seconds`, as a clip of training is; or what is said
        between two pauses of a longer one, or a part of it where that is longer still. So the model need not know timestamps,
        and those that it knows are not asked for.

        Raises:
            DataError: when it can't be decoded.
        """
        found = decode(recording, self.channel)
        return replace(self.hear_waveform(found.waveform), missing=found.missing)

    def hear_waveform(self, waveform: Waveform) -> Listening:
        """Find speech in a decoded recording, and begin to transcribe."""
        duration = round(len(waveform) / SAMPLE_RATE, 3)
        language = self.language or self.recognizer.language
        spans = spoken(prepared(waveform, None), self.chunk_seconds)
        if not spans:
            return Listening(duration, language, iter(()))
        # Each stretch of speech by itself. Under vad_filter, faster-whisper joins in a chunk what lies minutes apart. A model
        # that was tuned on single utterances has never heard that, and nothing would say when each of them begins.
        chunks = [waveform] if duration <= self.chunk_seconds else [waveform[start:end] for start, end in spans]
        times = [(spans[0][0], spans[-1][1])] if duration <= self.chunk_seconds else spans
        heard = self.recognizer.hear(map(self.recognizer.prepared, chunks), language)
        first = next(heard)
        segments = (
            Segment(start / SAMPLE_RATE, end / SAMPLE_RATE, text)
            for (start, end), (text, _) in zip(times, chain([first], heard), strict=True)
            if text
        )
        return Listening(duration, first[1], segments)


def spoken(waveform: Waveform, longest_seconds: float) -> list[tuple[int, int]]:
    """Where somebody speaks, in samples: stretches that pauses part.

    Args:
        waveform: shape (samples,), 16 kHz.
        longest_seconds: speech that goes on for longer is cut.
    """
    limits = VadOptions(
        threshold=THRESHOLD,
        # Of this length the library takes both margins, so that speech of the longest length would be cut in two.
        max_speech_duration_s=min(WINDOW_SECONDS, longest_seconds + 2 * MARGIN / 1_000),
        min_silence_duration_ms=PAUSE,
        speech_pad_ms=MARGIN,
    )
    return [(stretch["start"], stretch["end"]) for stretch in get_speech_timestamps(waveform, limits)]


def default_chunk(longest_clip: float | None) -> int:
    """As long as the clips that the model knows, in seconds, within its window; the whole window where nobody knows them."""
    return WINDOW_SECONDS if longest_clip is None else min(WINDOW_SECONDS, max(SHORTEST, math.ceil(longest_clip)))


def seconds_of(recording: Path) -> float:
    """The length that a file's header says, or 0 where it says none."""
    patience = Patience()
    try:
        with recording.open("rb") as file, patience.at_work(), open_media(file, patience) as container:
            return (container.duration or 0) / av.time_base
    except Exception:  # decoding it will say why
        return 0.0
