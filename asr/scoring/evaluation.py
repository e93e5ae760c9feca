"""Evaluation: a checkpoint hears test sets, by generation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.base.text import Normalizer
from asr.machine.device import DTYPES, Precision, pick_device, pick_precision
from asr.model.parameters import Decode
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper, require_in_window, require_same_mels
from asr.scoring.predictions import Prediction, PredictionsBySet, predictions
from asr.shards.frames import FRAMES_PER_SECOND
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures

Window = Literal["fit", "full"]


@dataclass(frozen=True)
class EvaluationSet:
    """Clips and what is said in them."""

    name: str
    features: StoredFeatures
    texts: Sequence[TextEntry]


@dataclass(frozen=True)
class Evaluation:
    """What was heard, set by set, most errors first, and how; seconds of sound, and seconds that it took to hear it."""

    predictions: PredictionsBySet
    window: Window
    precision: Precision
    sound: float
    taken: float


def evaluate(whisper: Whisper, sets: Sequence[EvaluationSet], decode: Decode, normalize: Normalizer) -> Evaluation:
    """Transcribe and compare.

    Raises:
        DataError: when the features don't suit the model.
    """
    device = pick_device()
    precision = pick_precision(device, whisper.model.config.d_model)
    whisper.model.to(device=device, dtype=DTYPES[precision]).eval()
    window: Window = "fit" if decode.window == "auto" and whisper.is_fitted else "full"
    heard = {test.name: hear(whisper, test, window, decode, normalize) for test in sets}
    return Evaluation(
        {name: rows for name, (rows, _) in heard.items()},
        window,
        precision,
        sound=sum(row.seconds for rows, _ in heard.values() for row in rows),
        taken=sum(taken for _, taken in heard.values()),
    )


def hear(
    whisper: Whisper, test: EvaluationSet, window: Window, decode: Decode, normalize: Normalizer
) -> tuple[list[Prediction], float]:
    """The predictions of one set, and the seconds that they took."""
    require_same_mels(whisper, test.features.n_mels)
    positions, paired = pair(test.features, test.texts)
    if not paired:
        raise DataError(f"{test.name}: none of its clips is left once trimmed: lower features.min_trimmed_seconds")
    clips = [test.features[position] for position in positions]
    require_in_window(whisper, [text.path for text in paired], [len(clip) for clip in clips])
    torch.manual_seed(decode.seed)
    start = time.perf_counter()
    hypotheses = transcribe(
        whisper.model, whisper.tokenizer, clips, window == "fit", decode.batch_size, decode.max_new_tokens, **decode.options
    )
    taken = time.perf_counter() - start
    seconds = [len(clip) / FRAMES_PER_SECOND for clip in clips]
    return predictions(test.name, paired, seconds, hypotheses, normalize), taken
