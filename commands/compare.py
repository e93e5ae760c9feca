"""Compare the tuned models of two git revisions, clip by clip, and say whether the difference is more than chance.

  python -m commands.compare main              main with what is in the workspace
  python -m commands.compare main feature      main with another branch, tag or commit

Not a stage of dvc.yaml. Reads metrics/evaluate/predictions.jsonl of both through DVC. The interval and p are a paired
bootstrap's, over speakers where they are known; p is the chance that equal models differ at least as much. See also
`dvc metrics diff --md` and `dvc params diff --md`.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from asr.base.errors import DataError
from asr.base.versions import changes
from asr.report.comparison import Comparison, compare, otherness, spelled, verdict
from asr.scoring.predictions import PredictionsBySet, parse_predictions
from stages.common.command import telling_errors

FOLDER = Path("metrics/evaluate")
WORKSPACE = "workspace"
HOW = ("normalizer", "window", "precision", "decode", "versions")
"""What two models should have in common when they are compared."""


@dataclass(frozen=True)
class Side:
    """A revision's tuned model: its name, its predictions by test set, and how they were made."""

    name: str
    predictions: PredictionsBySet
    how: Mapping[str, Any]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", help="a branch, tag or commit")
    parser.add_argument("second", nargs="?", default=WORKSPACE, help="another (default: what is in the workspace)")
    parser.add_argument("--md", action="store_true", help="as Markdown, for a pull request")
    arguments = parser.parse_args()
    with telling_errors("compare"):
        print(compared(read_side(arguments.first), read_side(arguments.second), arguments.md))


def read_side(revision: str) -> Side:
    """Read what a revision's evaluate stage has written.

    Raises:
        DataError: when the revision is unknown, or that is neither in DVC's cache nor in its remote, or of another version.
    """
    rows, scores = read(revision, "predictions.jsonl"), read(revision, "scores.json")
    try:
        predictions = parse_predictions(line for line in rows.split("\n") if line)
        return Side(revision, predictions, {name: json.loads(scores)[name] for name in HOW})
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{revision}: its {FOLDER} is of another version of this project; check it out, update its code and `make repro`"
        ) from error


def read(revision: str, name: str) -> str:
    """Read a file of the evaluate stage."""
    import dvc.api  # here, as --help needs none of it
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    path = FOLDER / name
    try:
        if revision == WORKSPACE:
            return path.read_text(encoding="utf-8")
        text: str = dvc.api.read(str(path), repo=".", rev=revision, encoding="utf-8")
    except SCMError as error:
        raise DataError(f"{revision}: no such branch, tag or commit here ({error})") from error
    except (OSError, DvcException) as error:
        where = "not here" if revision == WORKSPACE else "neither in DVC's cache nor in its remote"
        raise DataError(
            f"{revision}: its {path} is {where} ({error}); `make repro` makes it, in a checkout of that revision"
        ) from error
    return text


def compared(first: Side, second: Side, md: bool) -> str:
    """Make a table with a line for each test set that both have, and below what is to be said of them."""
    found = {name: compare(rows, second.predictions.get(name, [])) for name, rows in first.predictions.items()}
    header = ["", "clips", f"WER {first.name}", f"WER {second.name}", "difference", "95 %", "p", "better", "worse"]
    table = tabulate(
        [row(dataset, comparison) for dataset, comparison in found.items() if comparison],
        header,
        tablefmt="pipe" if md else "plain",
        colalign=["left", *["right"] * (len(header) - 1)],
        disable_numparse=True,
    )
    told = [f"{'- ' if md else ''}{line}" for line in [*notes(found, first, second), *unlike(first.how, second.how)]]
    return "\n".join([table, "", *told])


def row(dataset: str, comparison: Comparison) -> list[str]:
    """Make a line of the table."""
    difference = comparison.difference
    interval = difference.interval
    return [
        dataset,
        str(comparison.clips),
        f"{comparison.first:.2f} %",
        f"{comparison.second:.2f} %",
        f"{difference.points:+.2f}",
        f"{interval.low:+.2f} to {interval.high:+.2f}" if interval else "-",
        spelled(difference.p),
        str(comparison.better),
        str(comparison.worse),
    ]


def notes(found: Mapping[str, Comparison | None], first: Side, second: Side) -> list[str]:
    """Say what each line of the table means, and where the tests are not the same."""
    lines = []
    for dataset, comparison in found.items():
        if comparison is None:
            where = "without a clip in common" if dataset in second.predictions else f"only in {first.name}"
            lines.append(f"{dataset}: not compared: {where}")
            continue
        told = f"{dataset}: {verdict(comparison, second.name)} (drawn: {comparison.resampled})"
        different = otherness(comparison, first.name, second.name)
        lines.append(f"{told}; {different}" if different else told)
    return [*lines, *(f"{name}: not compared: only in {second.name}" for name in second.predictions if name not in found)]


def unlike(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Say what was not done alike, which may be all the difference there is."""
    flat = [
        {**{key: value for key, value in how.items() if not isinstance(value, dict)}, **how.get("decode", {})}
        for how in (first, second)
    ]
    changed = [
        f"{key} {flat[0].get(key)} -> {flat[1].get(key)}"
        for key in dict.fromkeys([*flat[0], *flat[1]])
        if flat[0].get(key) != flat[1].get(key)
    ]
    packages = changes(first.get("versions", {}), second.get("versions", {}))
    return [
        *([f"decoded and compared otherwise: {', '.join(changed)}"] if changed else []),
        *([f"scored with other packages: {', '.join(packages)}"] if packages else []),
    ]


if __name__ == "__main__":
    main()
