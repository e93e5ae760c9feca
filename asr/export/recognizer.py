"""The recognizer: an exported model in faster-whisper, told once what it was tuned for."""

import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
from faster_whisper import WhisperModel

from asr.base.errors import DataError
from asr.export.sound import decode


@dataclass(frozen=True)
class Recognizer:
    """An exported model.

    Attributes:
        model: faster-whisper's.
        language: its code; None for an English-only model.
        task: transcribe or translate.
        longest_clip: the length in seconds of the longest clip that it was tuned on; None where nobody knows.
    """

    model: WhisperModel
    language: str | None
    task: str
    longest_clip: float | None

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of faster-whisper's `transcribe` with which it decodes as evaluation does: greedily, no timestamps,
        no second try at a higher temperature (whose draws differ from run to run), no sign forbidden, nothing left out that the
        model is not sure of.
        """
        return {
            "language": self.language,
            "task": self.task,
            "beam_size": 1,
            "temperature": 0.0,
            "without_timestamps": True,
            "suppress_tokens": [],
            "no_speech_threshold": None,
            "log_prob_threshold": None,
        }

    def hear(self, recording: Path, language: str | None = None) -> tuple[str, float]:
        """Transcribe a recording that fits into one window: the text, and the seconds of its sound.

        Args:
            recording: its file.
            language: its code; None: what the model was tuned for.

        Raises:
            DataError: when it can't be decoded.
        """
        segments, info = self.model.transcribe(decode(recording), **self.options | ({"language": language} if language else {}))
        return "".join(segment.text for segment in segments).strip(), info.duration


def load_recognizer(folder: Path, device: str = "auto") -> Recognizer:
    """Load an exported model, on a GPU where there is one.

    Raises:
        DataError: when the folder holds none.
    """
    if not (folder / "model.bin").is_file():
        raise DataError(f"{folder}: no exported model; `make repro` makes one, and `dvc pull {folder}` fetches one")
    if not (folder / "tokenizer.json").is_file():
        raise DataError(f"{folder}: tokenizer.json is missing, and faster-whisper would fetch another's from the hub")
    path = folder / "generation_config.json"  # somebody else's export seldom has it
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    language = said.get("language") if said.get("is_multilingual") else None
    model = _loaded(folder, device)
    return Recognizer(model, language, said.get("task") or "transcribe", said.get("longest_clip_seconds"))


def _loaded(folder: Path, device: str) -> WhisperModel:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    ctranslate2.set_log_level(logging.ERROR)  # else it warns where a processor takes the nearest format that it has
    try:
        return WhisperModel(str(folder), device=device, cpu_threads=cores)
    except RuntimeError as error:  # CTranslate2 needs libraries of CUDA that torch's wheels don't put where it looks
        if device == "cpu":
            raise DataError(f"{folder}: {error}") from error
        print(f"{folder}: not on the GPU ({error}); on the CPU instead", file=sys.stderr)
        return _loaded(folder, "cpu")
