"""Facts: what determines a run, which code among them; and other runs that differ in some."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import asr
from asr.base.files import write_json
from asr.runs.folders import FACTS
from asr.runs.kept import is_finished
from asr.training.checkpoints import SEARCH, newest, step_of

Facts = Mapping[str, Any]

HASHED = ("code", "data", "base model")
"""Facts whose values say nothing to a reader."""

WITHOUT_SAY = {
    "asr.runs": "finds and keeps the folder of a run, in which training writes and reads all by itself",
    "asr.training.history": "lines, tables and trackers, which are told of a run and never asked",
    "asr.tuning.keeping": "takes a share of the base model once the run is done; what it chose has a name of its own",
}
"""Modules and packages that have no say in what is learned, and why: an edit there makes no other run.

tests/test_fingerprint.py names all that the others import of them.
"""


def learning_modules() -> list[ModuleType]:
    """The modules of asr that this process has imported and that have a say in what is learned."""
    return [module for name, module in sorted(sys.modules.items()) if name.startswith(f"{asr.__name__}.") and has_say(name)]


def has_say(module: str) -> bool:
    """Whether a module of this name has a say in what is learned."""
    return not any(module == name or module.startswith(f"{name}.") for name in WITHOUT_SAY)


def note_facts(folder: Path, facts: Facts) -> None:
    """Write down what determines the run in `folder`."""
    write_json(folder / FACTS, dict(facts))


@dataclass(frozen=True)
class OtherRun:
    """A run that is not this one and was not finished: the step of its newest checkpoint, None where it was stopped in a search
    for a rate, and what differs, in words.
    """

    folder: Path
    step: int | None
    differences: tuple[str, ...]


def other_runs(folder: Path, facts: Facts) -> list[OtherRun]:
    """The runs beside `folder` that began with the same model and were not finished.

    Args:
        folder: of this run.
        facts: what determines it.
    """
    found = []
    for path in sorted(folder.parent.glob(f"*/{FACTS}")):
        checkpoint = newest(path.parent)
        has_begun = checkpoint is not None or (path.parent / SEARCH).exists()
        if path.parent == folder or not has_begun or is_finished(path.parent):
            continue
        with suppress(ValueError):  # not ours, or cut short
            other = json.loads(path.read_text(encoding="utf-8"))
            if other["params"]["model"] == facts["params"]["model"]:
                step = None if checkpoint is None else step_of(checkpoint)
                found.append(OtherRun(path.parent, step, tuple(differences(other, facts))))
    return found


def differences(first: Facts, second: Facts, above: str = "") -> Iterator[str]:
    """Every key whose values differ, in full, with both values unless they are hashes."""
    for key in dict.fromkeys([*first, *second]):
        name, one, two = f"{above}{key}", first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(two, dict):
            yield from differences(one, two, above=f"{name}." if name != "params" else "")
        elif one != two:
            yield name if name in HASHED else f"{name} {one} -> {two}"
