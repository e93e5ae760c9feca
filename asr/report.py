"""The report: what every stage found, gathered into the metrics that git keeps and a table to read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asr.comparison import Comparison, Outcome, spelled, verdict
from asr.prediction import Sets, Summary, scored
from asr.slices import SPEAKER, Slice, slices
from asr.testset import TEST_SPLIT
from asr.words import Recall, recalls

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Findings:
    """What the stages that prepare wrote: their summaries, and per split the clips that lost their features.

    `in_training`: per test set the clips whose very sound the model has been trained on.
    """

    validate: Json
    split: Json
    sets: Json
    features_dropped: Mapping[str, int]
    in_training: Mapping[str, int]


def data_metrics(findings: Findings) -> dict[str, Any]:
    """The rows' fate in numbers: rows = rejected + dropped + the clips of the three splits.

    Clips `without_features`, too short once trimmed, are among those of their split, but neither learned nor scored.
    """
    return {
        "rows": findings.validate["rows"],
        "rejected": findings.validate["rejected"],
        "dropped": findings.split["dropped"],
        "clips": findings.split["clips"],
        "without_features": {split: count for split, count in findings.features_dropped.items() if count},
        "hours": findings.split["hours"],
        "speakers": findings.split["speakers"],
        "repeated_audio": findings.validate["repeated_audio"],
        "letters_lost_percent": findings.split["letters_lost_percent"],
        "sets": {name: {**found, "in_training": findings.in_training.get(name, 0)} for name, found in findings.sets.items()},
    }


@dataclass(frozen=True)
class Model:
    """One of the two models, tested.

    Attributes:
        scores, speed: what its stage wrote.
        predictions, summaries: by test set.
        slices: of the test split.
        recalls: of words by rarity, on the test split.
    """

    scores: Json
    speed: Json
    predictions: Sets
    summaries: Mapping[str, Summary]
    slices: Sequence[Slice]
    recalls: Mapping[str, Recall]


def summed_up(scores: Json, speed: Json, predictions: Sets, seen: Mapping[str, int]) -> Model:
    """Summed up; `seen`: how often training has seen each word."""
    test = predictions[TEST_SPLIT]
    return Model(
        scores=scores,
        speed=speed,
        predictions=predictions,
        summaries={name: Summary(**numbers) for name, numbers in scores["sets"].items()},
        slices=slices(test),
        recalls=recalls(scored(test).utterances, seen),
    )


def model_metrics(model: Model, changes: Mapping[str, Comparison | None]) -> dict[str, Any]:
    """A model in numbers, those of the test split first; no lists, which `dvc metrics diff` would drop.

    Slices by speaker are left out: there may be thousands. They are in the plots.
    """
    slices: dict[str, dict[str, Any]] = {}
    for found in model.slices:
        if found.kind != SPEAKER:
            few = {"wer": found.wer, "words": found.words, "clips": found.clips}
            slices.setdefault(found.kind, {})[found.value] = few
    return {
        **_set_metrics(model, TEST_SPLIT, changes),
        "normalizer": model.scores["normalizer"],
        "window": model.scores["window"],
        "precision": model.scores["precision"],
        **model.speed,
        "sets": {name: _set_metrics(model, name, changes) for name in model.summaries if name != TEST_SPLIT},
        "slices": slices,
        "recall": {
            rarity: {"words": recall.words, "percent": None if recall.percent is None else round(recall.percent, 2)}
            for rarity, recall in model.recalls.items()
        },
    }


def _set_metrics(model: Model, name: str, changes: Mapping[str, Comparison | None]) -> dict[str, Any]:
    change = changes.get(name)
    return {**asdict(model.summaries[name]), **({"change": _change(change)} if change else {})}


def _change(comparison: Comparison) -> dict[str, Any]:
    """Against the base model, in points of WER."""
    difference, interval = comparison.difference, comparison.difference.interval
    return {
        "wer": round(difference.points, 2),
        "wer_low": round(interval.low, 2) if interval else None,
        "wer_high": round(interval.high, 2) if interval else None,
        "p": None if difference.p is None else round(difference.p, 4),
        "better": comparison.better,
        "worse": comparison.worse,
    }


def regressions(changes: Mapping[str, Comparison | None], most: float) -> list[str]:
    """The sets that have become worse by more than `most` points, in words."""
    return [
        f"{name}: WER {change.first:.2f} % -> {change.second:.2f} %, {in_words(change)}"
        for name, change in changes.items()
        if change and change.difference.points > most
    ]


def in_words(change: Comparison) -> str:
    """A difference with its interval and p."""
    difference, interval = change.difference, change.difference.interval
    if interval is None:
        return f"{difference.points:+.2f} points"
    return f"{difference.points:+.2f} points (95 %: {interval.low:+.2f} to {interval.high:+.2f}, p {spelled(difference.p)})"


def table(findings: Findings, tested: Sequence[Outcome]) -> str:
    """The few lines that a person wants first."""
    data = data_metrics(findings)
    lines = [
        f"rows in the CSV    {data['rows']}",
        f"rejected           {_counted(data['rejected'])}",
        f"dropped            {_counted(data['dropped'])}",
        *(_split_line(split, data) for split in data["clips"]),
        f"without features   {_counted(data['without_features'])}",
        *(_set_line(name, found) for name, found in data["sets"].items()),
        "",
        f"{'':<19}    WER          95 %          CER   substituted  deleted  inserted  of words",
    ]
    for each in tested:
        lines += [_score_line(f"{each.name}, base", each.base), _score_line(f"{each.name}, tuned", each.tuned)]
    lines.append("")
    lines += [
        f"{each.name}: WER {each.base.wer:.2f} % -> {each.tuned.wer:.2f} %, {in_words(each.change)}: "
        f"{verdict(each.change, 'the tuned model')}{_grade(each)}"
        for each in tested
        if each.change
    ]
    return "\n".join(lines)


def _grade(tested: Outcome) -> str:
    """What the guide that this pipeline follows calls good, on one's own clips."""
    grades = ((5, "great data or a narrow domain"), (10, "excellent"), (15, "solid"))
    grade = next((f"; {words}" for limit, words in grades if tested.tuned.wer < limit), "")
    return grade if tested.name == TEST_SPLIT else ""


def _split_line(split: str, data: Mapping[str, Any]) -> str:
    line = f"{split:<19}{data['clips'][split]} clips, {60 * data['hours'][split]:.1f} min"
    return f"{line}{_speakers(data['speakers'][split])}"


def _set_line(name: str, found: Json) -> str:
    line = f"{name:<19}{found['clips']} clips, {60 * found['hours']:.1f} min{_speakers(found['speakers'])}"
    left_out = {**found["rejected"], **found["dropped"]}
    if found["in_training"]:
        line = f"{line}; {found['in_training']} of them are trained on too, so its WER is too good"
    return f"{line}; left out: {_counted(left_out)}" if left_out else line


def _speakers(count: int) -> str:
    return f", {count} speaker{'s' if count > 1 else ''}" if count else ""


def _counted(reasons: Mapping[str, int]) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    return f"{sum(reasons.values())}" + (f" ({listed})" if listed else "")


def _score_line(name: str, score: Summary) -> str:
    interval = "-" if score.wer_low is None else f"{score.wer_low:.2f} to {score.wer_high:.2f}"
    return (
        f"{name:<19}{score.wer:6.2f} %  {interval:>14}  {score.cer:6.2f} % {score.substitutions:11d} "
        f"{score.deletions:8d} {score.insertions:9d} {score.words:9d}"
    )
