"""Sides of a comparison: what the tuned model of a branch, tag, commit, experiment or the workspace has heard."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.base.errors import DataError
from asr.base.versions import changes
from asr.scoring.predictions import PredictionsBySet, parse_predictions
from stages.common.outdated import is_outdated

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


def read_side(revision: str) -> Side:
    """Read what a revision's evaluate stage has written.

    Args:
        revision: a branch, tag or commit, an experiment's name or hash, or WORKSPACE.

    Raises:
        DataError: when the revision is unknown, or that is neither in DVC's cache nor in its remote, or of another version.
    """
    rows, scores = read(revision)
    try:
        predictions = parse_predictions(line for line in rows.split("\n") if line)
        return Side(revision, predictions, {name: json.loads(scores)[name] for name in HOW})
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{revision}: its {FOLDER} is of another version of this project; check it out, update its code and `make repro`"
        ) from error


def read(revision: str) -> tuple[str, str]:
    """Read what the evaluate stage has written, its predictions and its scores."""
    import dvc.api  # here, as --help needs none of it
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    rows, scores = (str(FOLDER / name) for name in ("predictions.jsonl", "scores.json"))
    try:
        if revision == WORKSPACE:
            if is_outdated():
                raise DataError(
                    f"{revision}: its run has not ended, so its {FOLDER} may be an older run's; `make repro` ends it"
                )
            return Path(rows).read_text(encoding="utf-8"), Path(scores).read_text(encoding="utf-8")
        files = dvc.api.DVCFileSystem(repo=".", rev=revision)
        with closing(files):
            return files.read_text(rows, encoding="utf-8"), files.read_text(scores, encoding="utf-8")
    except SCMError as error:
        raise DataError(f"{revision}: no such branch, tag, commit or experiment here ({error})") from error
    except (OSError, DvcException) as error:
        where = "not here" if revision == WORKSPACE else "neither in DVC's cache nor in its remote"
        raise DataError(
            f"{revision}: its {rows} is {where} ({error}); `make repro` makes it, in a checkout of that revision"
        ) from error


def experiments() -> list[str]:
    """Name the experiments of the current commit that are done, in alphabetical order, as `dvc exp list` does.

    Raises:
        DataError: when this is no project of DVC's, or another of its commands keeps it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError

    try:
        with Repo() as repo:
            return sorted(name for found in repo.experiments.ls().values() for name, _ in found)
    except (SCMError, DvcException) as error:
        raise DataError(f"the experiments of this commit can't be listed: {error}") from error


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
