"""WER: a metric module for `evaluate`, kept here because the hub's own copy needs a network.

This file is both: the pipeline imports `load_error_rates`, which hands this very file to `evaluate.load`, which copies it
to its module cache and finds `ErrorRates` there. It may import nothing of this project, and one module a line.
"""

from collections.abc import Sequence

import datasets
import evaluate
import jiwer


class ErrorRates(evaluate.Metric):
    """Corpus word, character and match error rates: all errors over all words, not a mean over utterances."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description="Word, character and match error rates of a corpus.",
            citation="",
            inputs_description="predictions: hypotheses; references: what was said; neither is normalised here.",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        return error_rates(predictions, references)


def error_rates(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """wer, mer and cer of a corpus as fractions; zeros where there is none."""
    if not references and not predictions:
        return {"wer": 0.0, "mer": 0.0, "cer": 0.0}
    words = jiwer.process_words(list(references), list(predictions))
    return {"wer": words.wer, "mer": words.mer, "cer": jiwer.process_characters(list(references), list(predictions)).cer}


def load_error_rates() -> evaluate.Metric:
    """Load the metric, whose `compute(predictions=, references=)` gives wer, cer and mer as fractions."""
    return evaluate.load(__file__, keep_in_memory=True)
