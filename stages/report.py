"""Gather every stage's findings into metrics/*.json, which git keeps, and print a table.

Reads the summaries of the other stages; writes metrics/data.json, train.json, baseline.json, evaluate.json
and the table as report.txt.
"""

import json
from pathlib import Path
from typing import Any

from asr.manifest import write_json
from asr.report import Findings, data_metrics, table
from stages.command import run

FEATURES = Path("data/features")
METRICS = Path("metrics")


def main() -> None:
    """Report."""
    findings = Findings(
        validate=read(Path("data/validated/summary.json")),
        split=read(Path("data/splits/summary.json")),
        features_dropped={
            split: len(read(FEATURES / split / "manifest.json")["dropped"]) for split in ("train", "validation", "test")
        },
        train=read(METRICS / "train/summary.json"),
        baseline=read(METRICS / "baseline/scores.json"),
        evaluate=read(METRICS / "evaluate/scores.json"),
    )
    write_json(METRICS / "data.json", data_metrics(findings))
    write_json(METRICS / "train.json", dict(findings.train))
    write_json(METRICS / "baseline.json", dict(findings.baseline))
    write_json(METRICS / "evaluate.json", dict(findings.evaluate))
    (METRICS / "report.txt").write_text(table(findings) + "\n", encoding="utf-8")
    print(table(findings))


def read(path: Path) -> Any:
    """A stage's JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    run("report", __doc__, main)
