"""The report: what every stage found, gathered into the metrics that git keeps and a table to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Findings:
    """What the stages wrote: their summaries, and per split the clips that lost their features."""

    validate: Json
    split: Json
    features_dropped: Mapping[str, int]
    train: Json
    baseline: Json
    evaluate: Json


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
    }


def table(findings: Findings) -> str:
    """The few lines that a person wants first."""
    data = data_metrics(findings)
    rejected, dropped = data["rejected"], data["dropped"]
    lines = [
        f"rows in the CSV    {data['rows']}",
        f"rejected           {_counted(rejected)}",
        f"dropped            {_counted(dropped)}",
        *(_split_line(split, data) for split in data["clips"]),
        f"without features   {_counted(data['without_features'])}",
        "",
        f"{'':<19}   WER      CER   substituted  deleted  inserted   of words",
        _score_line("base model", findings.baseline),
        _score_line("tuned model", findings.evaluate),
        "",
        _verdict(findings.baseline["wer"], findings.evaluate["wer"]),
    ]
    return "\n".join(lines)


def _split_line(split: str, data: Mapping[str, Any]) -> str:
    line = f"{split:<19}{data['clips'][split]} clips, {60 * data['hours'][split]:.1f} min"
    speakers = data["speakers"][split]
    return f"{line}, {speakers} speaker{'s' if speakers > 1 else ''}" if speakers else line


def _counted(reasons: Mapping[str, int]) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    return f"{sum(reasons.values())}" + (f" ({listed})" if listed else "")


def _score_line(name: str, score: Json) -> str:
    return (
        f"{name:<19}{score['wer']:6.2f} % {score['cer']:6.2f} % {score['substitutions']:11d} "
        f"{score['deletions']:8d} {score['insertions']:9d} {score['words']:10d}"
    )


def _verdict(before: float, after: float) -> str:
    """What the guide that this pipeline follows calls good."""
    grades = ((5, "great data or a narrow domain"), (10, "excellent"), (15, "solid"))
    grade = next((f": {words}" for limit, words in grades if after < limit), "")
    return f"WER {before:.2f} % -> {after:.2f} % on the test split{grade}"
