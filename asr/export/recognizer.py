"""The recognizer: an exported model in faster-whisper, told once what it was tuned for."""

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel

from asr.audio.waveform import Waveform
from asr.base.errors import DataError
from asr.export.parameters import WINDOW_SECONDS
from asr.export.sound import in_window, prepared
from asr.model.checksums import REMEDY, require_whole
from asr.model.limits import ANY_PACE, cut
from asr.shards.frames import FRAMES_PER_SECOND, SAMPLE_RATE

AT_ONCE = 16
"""Windows that are heard together."""


LONG_OPTIONS = {"beam_size": 1, "temperature": 0.0, "suppress_tokens": [], "condition_on_previous_text": False}
"""With which docs/deploying.md has a program call faster-whisper; without the temperature, it tries again by random draws."""


@dataclass(frozen=True)
class Recognizer:
    """An exported model.

    Attributes:
        model: faster-whisper's.
        language: its code; None for an English-only model.
        task: transcribe or translate.
        longest_clip: the length in seconds of the longest clip that it was tuned on; None where nobody knows.
        trim_below_peak_db: how clips were trimmed that it was tuned on; None: they were not, or nobody knows.
    """

    model: WhisperModel
    language: str | None
    task: str
    longest_clip: float | None
    trim_below_peak_db: float | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of faster-whisper's `transcribe` with which it decodes as evaluation does: greedily, no timestamps,
        no second try at a higher temperature (whose draws differ from run to run), no sign forbidden, nothing left out that the
        model is not sure of, and nothing written where it would write nothing.
        """
        return {
            "language": self.language,
            "task": self.task,
            "beam_size": 1,
            "temperature": 0.0,
            "without_timestamps": True,
            "suppress_blank": False,
            "suppress_tokens": [],
            "no_speech_threshold": None,
            "log_prob_threshold": None,
        }

    def prepared(self, waveform: Waveform) -> Waveform:
        """A stretch of speech as clips were for training."""
        return prepared(waveform, self.trim_below_peak_db)

    def hear(self, stretches: Iterable[Waveform], language: str | None = None) -> Iterator[tuple[str, str]]:
        """Transcribe stretches that fit into one window each, AT_ONCE together: of each the text, and its language.

        Args:
            stretches: as they should be heard, each of shape (samples,).
            language: its code; None: what the model was tuned for, or else what the first one sounds like.
        """
        waiting = iter(stretches)
        options = self.options | ({"language": language} if language else {})
        transcribe = BatchedInferencePipeline(self.model).transcribe
        while batch := list(islice(waiting, AT_ONCE)):
            windows = np.concatenate([in_window(stretch, WINDOW_SECONDS) for stretch in batch])
            places = [{"start": n * WINDOW_SECONDS, "end": (n + 1) * WINDOW_SECONDS} for n in range(len(batch))]
            segments, info = transcribe(windows, clip_timestamps=places, batch_size=len(batch), **options)
            options["language"] = info.language
            written: list[list[int]] = [[] for _ in batch]
            for segment in segments:
                written[segment.seek // (WINDOW_SECONDS * FRAMES_PER_SECOND)] += segment.tokens
            yield from (
                (self._text(tokens, len(stretch) / SAMPLE_RATE), info.language)
                for tokens, stretch in zip(written, batch, strict=True)
            )

    def _text(self, tokens: Sequence[int], seconds: float) -> str:
        """The words of a hypothesis, which ends where evaluation ends it (see asr/model/limits.py)."""
        text: str = self.model.hf_tokenizer.decode(list(cut(tokens, ANY_PACE.limit(seconds, len(tokens)))))
        return " ".join(text.split())

    def hear_long(self, waveform: Waveform, language: str | None, without_timestamps: bool) -> list[str]:
        """Transcribe a recording of any length as a program does that leaves all of it to faster-whisper.

        Args:
            waveform: shape (samples,).
            language: its code; None: what the model was tuned for.
            without_timestamps: whether the model is told to write none.

        Returns:
            The text of each segment.
        """
        told = {"language": language or self.language, "task": self.task, "without_timestamps": without_timestamps}
        return [segment.text.strip() for segment in self.model.transcribe(waveform, **LONG_OPTIONS, **told)[0]]


def load_recognizer(folder: Path, device: str = "auto", remedy: str = REMEDY) -> Recognizer:
    """Load an exported model, on a GPU where there is one.

    Args:
        folder: in CTranslate2's format.
        device: auto, cuda or cpu.
        remedy: what to do when it is damaged.

    Raises:
        DataError: when the folder holds none, or a damaged one.
    """
    if not (folder / "model.bin").is_file():
        raise DataError(f"{folder}: no exported model; `make repro` makes one, and `dvc pull {folder}` fetches one")
    if not (folder / "tokenizer.json").is_file():
        raise DataError(f"{folder}: tokenizer.json is missing, and faster-whisper would fetch another's from the hub")
    require_whole(folder, remedy)
    path = folder / "generation_config.json"  # somebody else's export seldom has it
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    language = said.get("language") if said.get("is_multilingual") else None
    model = _loaded(folder, device)
    task, longest = said.get("task") or "transcribe", said.get("longest_clip_seconds")
    return Recognizer(model, language, task, longest, said.get("trim_below_peak_db"))


def _loaded(folder: Path, device: str) -> WhisperModel:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    ctranslate2.set_log_level(logging.ERROR)  # else it warns where a processor takes the nearest format that it has
    try:
        return WhisperModel(str(folder), device=device, cpu_threads=cores)
    except RuntimeError as error:  # CTranslate2 needs libraries of CUDA that torch's wheels don't put where it looks
        if device == "cpu":
            raise DataError(f"{folder}: CTranslate2 can't load it ({error}); convert or fetch it anew") from error
        print(f"{folder}: not on the GPU ({error}); on the CPU instead", file=sys.stderr)
        return _loaded(folder, "cpu")
