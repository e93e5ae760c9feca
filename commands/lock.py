"""dvc.lock: what the last run read and wrote, and which stages it doesn't hold for any more."""

from pathlib import Path
from typing import Any

from asr.base.errors import DataError
from stages.common.params import read_yaml

LOCK = Path("dvc.lock")


def locked_dependencies() -> frozenset[str]:
    """The paths of what any stage has read; none before the first run."""
    stages = read_yaml(LOCK).get("stages", {}) if LOCK.exists() else {}
    return frozenset(dep["path"] for stage in stages.values() for dep in stage.get("deps", []))


def stale_stages() -> list[str]:
    """The stages whose dependencies, parameters or outputs are not those of dvc.lock, and those after them, in order.

    What isn't here is taken for unchanged, as `dvc repro --dry --allow-missing` does; but that fails at the first stage that
    would read something that isn't here. A stage that comes after a stale one need not run: it may get what it had.

    Raises:
        DataError: when this is no DVC project.
    """
    from dvc.exceptions import DvcException  # here, as --help needs none of it
    from dvc.repo import Repo
    from dvc.repo.reproduce import plan_repro

    try:
        with Repo() as repo, repo.lock:
            graph = repo.index.graph  # from each stage to those that it reads from
            stale: list[Any] = []
            for stage in plan_repro(graph):
                before = list(graph.successors(stage))
                if any(each in stale for each in before) or stage.changed(True, before):
                    stale.append(stage)
            return [stage.addressing for stage in stale]
    except DvcException as error:
        raise DataError(str(error)) from error
