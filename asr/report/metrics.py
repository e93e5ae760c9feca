"""Metrics: what every stage found, gathered into what git keeps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from asr.base.copies import Copy
from asr.base.entries import TEST_SPLIT
from asr.report.comparison import Comparison, finding
from asr.report.slices import SPEAKER, Columns, Slice, by_language, slices
from asr.report.words import Recall, recalls
from asr.scoring.predictions import PredictionsBySet, Summary

Json = Mapping[str, Any]

NOTABLE_COPIES = 0.1
"""The verdict on a set says so where this share of its clips is trained on."""

MOST_NAMED = 20
"""Copies of a test set that are named; the file has all of them."""


@dataclass(frozen=True)
class Findings:
    """What the stages that prepare the data wrote: their summaries, and per split the clips that lost their features.

    `copies`: the clips of test sets whose recording is in train or validation, too.
    """

    validate: Json
    split: Json
    sets: Json
    features_dropped: Mapping[str, int]
    copies: Sequence[Copy]


def data_metrics(findings: Findings) -> dict[str, Any]:
    """Count what became of the rows: rows = rejected + dropped + joined + the clips of the three splits.

    Rows that are `joined` are learned as a part of the clip before them. Clips `without_speech` are among those of train. Clips
    `without_features`, too short once trimmed, are among those of their split, but neither learned nor scored.
    """
    return {
        "rows": findings.validate["rows"],
        "rejected": findings.validate["rejected"],
        "noted": findings.validate["noted"],
        "joined": findings.split["joined"],
        "dropped": findings.split["dropped"],
        "clips": findings.split["clips"],
        "without_speech": findings.split["without_speech"],
        "without_features": {split: count for split, count in findings.features_dropped.items() if count},
        "hours": findings.split["hours"],
        "speakers": findings.split["speakers"],
        "given_splits": ", ".join(findings.split["given"]),
        "speakers_in_two_splits": findings.split["speakers_in_two_splits"]["speakers"],
        "shared_sentences": findings.split["shared_sentences"],
        "repeated_audio": findings.validate["repeated_audio"],
        "letters_lost_percent": findings.split["letters_lost_percent"],
        "sets": {name: {**found, **copied(name, findings.copies)} for name, found in findings.sets.items()},
    }


def copied(name: str, copies: Sequence[Copy]) -> dict[str, Any]:
    """Count the clips of a test set whose recording is in a split, and name the first of them, each with its copy there."""
    inside = [copy for copy in copies if copy.dataset == name]
    splits = Counter(copy.split for copy in inside)
    named: dict[str, list[str]] = {}
    for copy in inside:
        named.setdefault(copy.path, []).append(f"{copy.split}: {copy.copy_of} ({copy.how})")
    first = {path: "; ".join(dict.fromkeys(known)) for path, known in islice(named.items(), MOST_NAMED)}
    return {"in_training": splits["train"], "in_validation": splits["validation"], "copies": first}


def told_copies(in_training: int, in_validation: int) -> str:
    """Say how many clips of a test set are in two splits as well, and what that means; nothing where none is."""
    meanings = {
        "trained on too, so its error rate is too good": in_training,
        "in validation too, which chooses the epoch": in_validation,
    }
    return "".join(f"; {count} of them {_are(count)} {meaning}" for meaning, count in meanings.items() if count)


def trained_on(found: Json) -> str:
    """Say behind the verdict on a test set, given its part of `data_metrics`, that a good part of its clips is trained on.

    Nothing where few are, or where the set is the test split, of which no clip may be.
    """
    count, clips = (found["in_training"], found["clips"]) if found else (0, 0)
    if not count or count < NOTABLE_COPIES * clips:
        return ""
    return f"; but {count} of its {clips} clips {_are(count)} trained on, so its error rate is too good"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


@dataclass(frozen=True)
class ScoredModel:
    """One of the two models, tested.

    Attributes:
        scores: what its stage wrote.
        predictions, summaries: by test set.
        slices: by test set; of sets other than the test split those by language.
        recalls: of words by rarity, on the test split.
    """

    scores: Json
    predictions: PredictionsBySet
    summaries: Mapping[str, Summary]
    slices: Mapping[str, Sequence[Slice]]
    recalls: Mapping[str, Recall]


def summed_up(scores: Json, predictions: PredictionsBySet, seen: Mapping[str, int], columns: Columns) -> ScoredModel:
    """Sum up a model's predictions; `seen`: how often training has seen each word; `columns`: those of the test split."""
    return ScoredModel(
        scores=scores,
        predictions=predictions,
        summaries={name: Summary(**numbers) for name, numbers in scores["sets"].items()},
        slices={name: slices(rows, columns) if name == TEST_SPLIT else by_language(rows) for name, rows in predictions.items()},
        recalls=recalls(predictions[TEST_SPLIT], seen),
    )


def model_metrics(model: ScoredModel, changes: Mapping[str, Comparison | None]) -> dict[str, Any]:
    """A model in numbers, those of the test split first; no lists, which `dvc metrics diff` would drop.

    Slices by speaker are left out: there may be thousands. They are in the plots.
    """
    return {
        **_set_metrics(model, TEST_SPLIT, changes),
        "normalizer": model.scores["normalizer"],
        "window": model.scores["window"],
        "precision": model.scores["precision"],
        "sets": {
            name: {**_set_metrics(model, name, changes), "slices": _slice_metrics(model.slices[name])}
            for name in model.summaries
            if name != TEST_SPLIT
        },
        "slices": _slice_metrics(model.slices[TEST_SPLIT]),
        "recall": {
            rarity: {"words": recall.words, "percent": None if recall.percent is None else round(recall.percent, 2)}
            for rarity, recall in model.recalls.items()
        },
    }


def _set_metrics(model: ScoredModel, name: str, changes: Mapping[str, Comparison | None]) -> dict[str, Any]:
    change = changes.get(name)
    return {**asdict(model.summaries[name]), **({"change": change_metrics(change)} if change else {})}


def _slice_metrics(slices: Sequence[Slice]) -> dict[str, dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {}
    for found in slices:
        if found.kind != SPEAKER:
            few = {"metric": found.metric, "error_rate": found.error_rate, "words": found.words, "clips": found.clips}
            kinds.setdefault(found.kind, {})[found.value] = few
    return kinds


def change_metrics(comparison: Comparison) -> dict[str, Any]:
    """The change from the base model, in points of the error rate."""
    difference, interval = comparison.difference, comparison.difference.interval
    return {
        "points": round(difference.points, 2),
        "points_low": round(interval.low, 2) if interval else None,
        "points_high": round(interval.high, 2) if interval else None,
        "p": None if difference.p is None else round(difference.p, 4),
        "verdict": finding(comparison),
        "clips": comparison.clips,
        "groups": comparison.groups,
        "speakers": comparison.speakers,
        "better": comparison.better,
        "worse": comparison.worse,
        "same": comparison.same,
        "p_signs": round(comparison.chances.signs, 4),
    }
