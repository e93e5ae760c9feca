"""The base and the tuned model, heard one after the other, and where their words differ."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faster_whisper.vad import get_vad_model

from asr.base.normalizers import Normalizer
from asr.base.text import Normalization, Text
from asr.export.recognizer import Recognizer
from asr.model.hub import checkpoint_folder
from asr.model.parameters import Model
from asr.recognition.loading import open_model
from asr.recognition.long import Listener, default_chunk
from asr.scoring.align import align
from stages.common.commit import base_commit
from stages.common.params import StageParams, read_params

Word = tuple[str, str | None]
"""A word, and OTHER where the other model has another there or none."""

OTHER = "other"


class Params(StageParams):
    """What the page reads of params.yaml: the base model, and what of a text doesn't count."""

    model: Model
    text: Text


@dataclass(frozen=True)
class Pair:
    """Two models: their names, and how each hears."""

    names: tuple[str, str]
    listeners: tuple[Listener, Listener]
    normalize: Normalizer


@dataclass(frozen=True)
class Heard:
    """What a model hears, how many seconds it takes, with decoding and finding speech, and what of the recording is missing."""

    text: str
    seconds: float
    missing: str | None


def open_pair(tuned: Path, channel: int | None = None) -> Pair:
    """Load the base model of params.yaml, and the tuned one; both hear the language that the tuned one was tuned for, and
    recordings prepared as it was used to.

    Args:
        tuned: the tuned model's folder.
        channel: of a recording, from 0; None: all of them, mixed.

    Raises:
        DataError: when one can't be had.
    """
    params = read_params(Params)
    after = open_model(tuned)
    before = open_model(checkpoint_folder(params.model.name, base_commit(params.model)))
    before = replace(before, language=after.language, task=after.task, trim_below_peak_db=after.trim_below_peak_db)
    normalize = Normalization.of(params.text, params.model).normalized
    get_vad_model()  # now, so that the first to listen isn't the slower one
    return Pair((params.model.name, str(tuned)), (_listener(before, channel), _listener(after, channel)), normalize)


def _listener(recognizer: Recognizer, channel: int | None) -> Listener:
    return Listener(recognizer, default_chunk(recognizer.longest_clip), channel=channel)


def hear(listener: Listener, recording: Path) -> Heard:
    """Transcribe.

    Raises:
        DataError: when the recording can't be decoded.
    """
    start = time.perf_counter()
    listening = listener.hear(recording)
    text = " ".join(segment.text for segment in listening.segments)
    return Heard(text, time.perf_counter() - start, listening.missing)


def differences(first: str, second: str, normalize: Normalizer) -> tuple[list[Word], list[Word]]:
    """Mark the words of each text that the other has not, where words are the same that are so once they are normalised."""
    texts = first.split(), second.split()
    keys = [" ".join(normalize(word).replace(" ", "") or word for word in words) for words in texts]
    marked: tuple[list[Word], list[Word]] = [], []
    for span in align([keys[0]], [keys[1]])[0].alignment:
        for words, found, part in zip(texts, marked, (span.said, span.heard), strict=True):
            _mark(words, found, len(part.split()), None if span.edit == "equal" else OTHER)
    return marked


def _mark(words: Sequence[str], found: list[Word], count: int, mark: str | None) -> None:
    found.extend((f"{word} ", mark) for word in words[len(found) : len(found) + count])
