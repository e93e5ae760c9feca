"""Plots: tables that `dvc plots` draws, besides the curves of training."""

import pandas as pd

from asr.base.entries import TEST_SPLIT
from asr.report.metrics import ScoredModel
from asr.report.slices import DURATION, SPEAKER, Slice


def plots(before: ScoredModel, after: ScoredModel) -> dict[str, pd.DataFrame]:
    """Make the tables, by name: the error rate by length and by speaker, and errors by kind, of the test split."""
    one, two = before.summaries[TEST_SPLIT], after.summaries[TEST_SPLIT]
    kinds = ("substitutions", "deletions", "insertions")
    errors = [(kind, getattr(one, kind), getattr(two, kind)) for kind in kinds]
    return {
        "error_rate_by_length": _aligned(_by(DURATION, before, after)),
        "error_rate_by_speaker": _by(SPEAKER, before, after),
        "errors": pd.DataFrame(errors, columns=["kind", "base_errors", "errors"]),
    }


def _by(kind: str, before: ScoredModel, after: ScoredModel) -> pd.DataFrame:
    rows = [
        (a.value, a.clips, a.words, a.error_rate, b.error_rate) for a, b in paired(before, after, TEST_SPLIT) if a.kind == kind
    ]
    return pd.DataFrame(rows, columns=[kind, "clips", "words", "base_error_rate", "error_rate"])


def _aligned(lengths: pd.DataFrame) -> pd.DataFrame:
    """Pad labels with blanks in front, as a plot sorts them by their letters."""
    wide = lengths[DURATION].str.len().max()
    return lengths.assign(**{DURATION: lengths[DURATION].str.rjust(int(wide))}) if len(lengths) else lengths


def paired(before: ScoredModel, after: ScoredModel, name: str) -> list[tuple[Slice, Slice]]:
    """Pair each slice of a test set of the first with the same of the second."""
    found = {(each.kind, each.value): each for each in after.slices[name]}
    return [(each, found[each.kind, each.value]) for each in before.slices[name]]
