"""Evaluation: a checkpoint hears test sets, by generation; what it heard is aligned once, and summed up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.base.text import Normalizer, spoken
from asr.machine.device import DTYPES, Precision, pick_device, pick_precision
from asr.model.parameters import Decode
from asr.model.transcribe import Hypothesis, hears_fitted, transcribe
from asr.model.whisper import Whisper, require_in_window, require_same_mels
from asr.scoring.align import align
from asr.scoring.predictions import Prediction, PredictionsBySet, Summary, corpus, has_loop
from asr.scoring.wer import error_rates, load_error_rates
from asr.shards.frames import FRAMES_PER_SECOND
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures

Window = Literal["fit", "full"]
"""How long the encoder's input is: as long as the clip, or padded to the model's whole window."""


@dataclass(frozen=True)
class EvaluationSet:
    """Clips and what is said in them."""

    name: str
    features: StoredFeatures
    texts: Sequence[TextEntry]


@dataclass(frozen=True)
class Evaluation:
    """What a model heard, set by set, most errors first, and how.

    `sound`: the seconds that the clips last; `taken`: the seconds that it took to transcribe them.
    """

    predictions: PredictionsBySet
    window: Window
    precision: Precision
    sound: float
    taken: float


def evaluate(whisper: Whisper, sets: Sequence[EvaluationSet], decode: Decode, normalize: Normalizer) -> Evaluation:
    """Transcribe test sets and compare what was heard with what was said.

    Raises:
        DataError: when the features don't suit the model.
    """
    device = pick_device()
    precision = pick_precision(device, whisper.model.config.d_model)
    whisper.model.to(device=device, dtype=DTYPES[precision]).eval()
    heard = {test.name: hear(whisper, test, decode, normalize) for test in sets}
    return Evaluation(
        {name: rows for name, (rows, _) in heard.items()},
        "fit" if hears_fitted(whisper, decode) else "full",
        precision,
        sound=sum(row.seconds for rows, _ in heard.values() for row in rows),
        taken=sum(taken for _, taken in heard.values()),
    )


def hear(whisper: Whisper, test: EvaluationSet, decode: Decode, normalize: Normalizer) -> tuple[list[Prediction], float]:
    """Transcribe one set: its predictions, and the seconds that they took."""
    require_same_mels(whisper, test.features.n_mels)
    clips, paired = pair(test.features, test.texts)
    if not paired:
        raise DataError(f"{test.name}: none of its clips is left once trimmed: lower features.min_trimmed_seconds")
    require_in_window(whisper, [text.path for text in paired], [len(clip) for clip in clips])
    torch.manual_seed(decode.seed)
    start = time.perf_counter()
    hypotheses = transcribe(whisper, clips, decode)
    taken = time.perf_counter() - start
    seconds = [len(clip) / FRAMES_PER_SECOND for clip in clips]
    return predictions(test.name, paired, seconds, hypotheses, normalize), taken


def predictions(
    dataset: str,
    texts: Sequence[TextEntry],
    seconds: Sequence[float],
    hypotheses: Sequence[Hypothesis],
    normalize: Normalizer,
) -> list[Prediction]:
    """A row for each of `texts`, most errors first.

    Args:
        dataset: the name of the test set.
        texts: what was said.
        seconds: the length of each clip.
        hypotheses: what was heard.
        normalize: applied to both. References went through it when clips were divided, and so did what a tuned model learned to
            write; it is applied again to either, as a second time may change a text: whisper_english makes "007" "7".
    """
    aligned = align([normalize(text.text) for text in texts], [normalize(heard.text) for heard in hypotheses])
    rows = [
        Prediction(
            dataset, text.id, text.path, text.speaker, text.extra, round(length, 2),
            utterance.reference, utterance.hypothesis, spoken(text.raw_text), heard.text,
            utterance.counts.errors, utterance.counts.length,
            utterance.counts.substitutions, utterance.counts.deletions, utterance.counts.insertions,
            heard.is_cut_off, has_loop(utterance.hypothesis, utterance.reference), utterance.alignment,
        )
        for text, length, heard, utterance in zip(texts, seconds, hypotheses, aligned, strict=True)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row.errors, row.path))


def summary(rows: Sequence[Prediction]) -> Summary:
    """Sum up a test set."""
    drawn = corpus(rows)
    interval = drawn.interval([row.errors for row in rows])
    # `evaluate`'s metric gives the result itself; the raw rates beside it are the same arithmetic.
    raw = error_rates([row.raw_hypothesis for row in rows], [row.raw_reference for row in rows])
    normalised = load_error_rates().compute(
        predictions=[row.hypothesis for row in rows], references=[row.reference for row in rows]
    )
    return Summary(
        wer=_percent(normalised["wer"]),
        wer_low=round(interval.low, 2) if interval else None,
        wer_high=round(interval.high, 2) if interval else None,
        resampled=drawn.unit,
        cer=_percent(normalised["cer"]),
        mer=_percent(normalised["mer"]),
        raw_wer=_percent(raw["wer"]),
        raw_cer=_percent(raw["cer"]),
        substitutions=sum(row.substitutions for row in rows),
        deletions=sum(row.deletions for row in rows),
        insertions=sum(row.insertions for row in rows),
        words=sum(row.words for row in rows),
        clips=len(rows),
        empty=sum(not row.hypothesis for row in rows),
        cut_off=sum(row.is_cut_off for row in rows),
        looping=sum(row.has_loop for row in rows),
    )


def _percent(share: float) -> float:
    return round(100 * share, 2)
