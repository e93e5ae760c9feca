"""Choices: what of a finished run's model was taken, in the run's folder beside its result, each under a name of its own.

One result may be chosen from in several ways, and none of them needs the run again.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from asr.base.files import write_json
from asr.base.hashes import fingerprint

CHOICES = "chosen-*.json"


def note_choice(folder: Path, name: str, choice: Mapping[str, Any]) -> None:
    """Write a choice into a run's folder, with its hash."""
    write_json(_file(folder, name), {"choice": dict(choice), "hash": fingerprint(dict(choice), [])})


def read_choice(folder: Path, name: str) -> dict[str, Any] | None:
    """The choice of this name; None where nobody has made it or its file is damaged."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        noted = json.loads(_file(folder, name).read_text(encoding="utf-8"))
        choice: dict[str, Any] = noted["choice"]
        if noted["hash"] == fingerprint(choice, []):
            return choice
    return None


def is_chosen_from(folder: Path) -> bool:
    """Whether somebody has made a choice, and so may have the result."""
    return any(folder.glob(CHOICES))


def _file(folder: Path, name: str) -> Path:
    return folder / CHOICES.replace("*", name)
