"""The commit of the base model on the hub, which stage base writes down for all that read the model.

What a branch of the hub holds may change from one stage to the next. This file changes only when that stage runs.
"""

from pathlib import Path

from asr.base.errors import DataError
from asr.base.files import read_json, reading, write_json
from asr.model.parameters import Model

BASE = Path("models/base.json")


def keep_commit(model: Model, commit: str | None) -> None:
    """Write down what commit the model is."""
    write_json(BASE, {"name": model.name, "revision": model.revision, "commit": commit})


def kept_commit(model: Model) -> str | None:
    """The commit that is written down; None where there is none for a model of this name and revision."""
    if not BASE.is_file():
        return None
    kept = read_json(BASE)
    with reading(BASE):
        return kept["commit"] if (kept["name"], kept["revision"]) == (model.name, model.revision) else None


def base_commit(model: Model) -> str | None:
    """The commit to read the model at; None for a folder.

    Raises:
        DataError: when stage base has not run for this model.
    """
    commit = kept_commit(model)
    if commit is None and not Path(model.name).is_dir():
        raise DataError(f"{BASE}: not there, or of another model.name or model.revision; run `dvc repro`")
    return commit
