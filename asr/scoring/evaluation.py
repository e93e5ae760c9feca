"""Evaluation: a checkpoint hears test sets, by generation; what it heard is aligned once, and summed up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.base.rates import Metric, joined
from asr.base.text import Normalization, spoken
from asr.machine.device import Precision, pick_device, pick_precision
from asr.model.limits import ANY_PACE, Pace
from asr.model.parameters import Decode
from asr.model.precision import hearing_in
from asr.model.transcribe import Hypothesis, hears_fitted, transcribe
from asr.model.whisper import Whisper, languages_of, require_in_window, require_same_mels
from asr.scoring.align import align
from asr.scoring.predictions import Prediction, PredictionsBySet, Summary, corpus, error_rate, has_loop, metric_of
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


def evaluate(
    whisper: Whisper, sets: Sequence[EvaluationSet], decode: Decode, normalization: Normalization, pace: Pace = ANY_PACE
) -> Evaluation:
    """Transcribe test sets and compare what was heard with what was said. The model computes as it does while it is validated.

    Args:
        whisper: the model.
        sets: what it hears.
        decode: how.
        normalization: of both sides, before they are compared.
        pace: of the fastest transcripts of the training split, which limits hypotheses.

    Raises:
        DataError: when the features or the languages don't suit the model.
    """
    device = pick_device()
    precision = pick_precision(device, whisper.model.config.d_model)
    whisper.model.to(device).eval()
    with hearing_in(whisper.model, precision):
        heard = {test.name: hear(whisper, test, decode, normalization, pace) for test in sets}
    return Evaluation(
        {name: rows for name, (rows, _) in heard.items()},
        "fit" if hears_fitted(whisper, decode) else "full",
        precision,
        sound=sum(row.seconds for rows, _ in heard.values() for row in rows),
        taken=sum(taken for _, taken in heard.values()),
    )


def hear(
    whisper: Whisper, test: EvaluationSet, decode: Decode, normalization: Normalization, pace: Pace
) -> tuple[list[Prediction], float]:
    """Transcribe one set: its predictions, and the seconds that they took."""
    require_same_mels(whisper, test.features.n_mels)
    clips, paired = pair(test.features, test.texts)
    if not paired:
        raise DataError(f"{test.name}: none of its clips is left once trimmed: lower features.min_trimmed_seconds")
    paths = [text.path for text in paired]
    require_in_window(whisper, paths, [len(clip) for clip in clips])
    languages = languages_of(whisper, paths, [text.language for text in paired])
    torch.manual_seed(decode.seed)
    start = time.perf_counter()
    hypotheses = transcribe(whisper, clips, decode, languages, pace=pace)
    taken = time.perf_counter() - start
    seconds = [len(clip) / FRAMES_PER_SECOND for clip in clips]
    return predictions(test.name, paired, seconds, hypotheses, normalization), taken


def predictions(
    dataset: str,
    texts: Sequence[TextEntry],
    seconds: Sequence[float],
    hypotheses: Sequence[Hypothesis],
    normalization: Normalization,
) -> list[Prediction]:
    """A row for each of `texts`, most errors first.

    Args:
        dataset: the name of the test set.
        texts: what was said.
        seconds: the length of each clip.
        hypotheses: what was heard.
        normalization: of both. Under text.labels: normalized, references went through it when clips were divided, and so did
            what a tuned model learned to write; both do again, as a model need not write what a normaliser leaves.
    """
    languages = [text.language for text in texts]
    aligned = align(
        [normalization.compared(text.text, text.language) for text in texts],
        [normalization.compared(heard.text, language) for heard, language in zip(hypotheses, languages, strict=True)],
    )
    rows = [
        Prediction(
            dataset, text.id, text.path, text.speaker, normalization.spoken_in(text.language), round(length, 2),
            utterance.reference, utterance.hypothesis, spoken(text.raw_text), heard.text, metric,
            utterance.counts.errors, utterance.counts.length,
            utterance.counts.substitutions, utterance.counts.deletions, utterance.counts.insertions,
            heard.is_cut_off,
            has_loop(joined(utterance.hypothesis, metric), joined(utterance.reference, metric), heard.has_loop),
            utterance.alignment,
            normalization.ignored(text.raw_text, text.language), normalization.ignored(heard.text, text.language),
        )
        for text, length, heard, utterance, metric in zip(
            texts, seconds, hypotheses, aligned, map(normalization.metric, languages), strict=True
        )
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row.errors, row.path))


def summary(rows: Sequence[Prediction]) -> Summary:
    """Sum up a test set."""
    drawn, metric = corpus(rows), metric_of(rows)
    interval = drawn.interval([row.errors for row in rows])
    said, heard = [row.reference for row in rows], [row.hypothesis for row in rows]
    # `evaluate`'s metric gives the result itself, of what the texts' words are; the rates beside it are the same arithmetic.
    result = load_error_rates().compute(predictions=heard, references=said)
    metrics = [row.metric for row in rows]
    others = [row for row in rows if not row.has_loop]
    normalised = _as_read(said, heard, metrics)
    raw = _as_read([row.raw_reference for row in rows], [row.raw_hypothesis for row in rows], metrics)
    return Summary(
        metric=metric,
        error_rate=_percent(result["wer"]),
        error_rate_low=round(interval.low, 2) if interval else None,
        error_rate_high=round(interval.high, 2) if interval else None,
        resampled=drawn.unit,
        groups=drawn.groups,
        wer=_percent(normalised["wer"]) if metric == "WER" else None,
        cer=_percent(normalised["cer"]),
        mer=_percent(result["mer"]),
        raw_wer=_percent(raw["wer"]) if metric == "WER" else None,
        raw_cer=_percent(raw["cer"]),
        substitutions=sum(row.substitutions for row in rows),
        deletions=sum(row.deletions for row in rows),
        insertions=sum(row.insertions for row in rows),
        words=sum(row.words for row in rows),
        clips=len(rows),
        empty=sum(not row.hypothesis for row in rows),
        cut_off=sum(row.is_cut_off for row in rows),
        looping=sum(row.has_loop for row in rows),
        ignored_references=sum(row.ignored_in_reference > 0 for row in rows),
        ignored_hypotheses=sum(row.ignored_in_hypothesis > 0 for row in rows),
        looping_errors=sum(row.errors for row in rows if row.has_loop),
        error_rate_without_loops=round(error_rate(others), 2) if others else None,
    )


def _as_read(said: Sequence[str], heard: Sequence[str], metrics: Sequence[Metric]) -> dict[str, float]:
    """The rates of texts without the spaces that stand between characters because errors are counted in these."""
    texts = ([joined(*each) for each in zip(side, metrics, strict=True)] for side in (heard, said))
    return error_rates(*texts)


def _percent(share: float) -> float:
    return round(100 * share, 2)
