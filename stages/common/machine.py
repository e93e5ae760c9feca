"""machine.yaml: how this machine computes, which changes no result but by rounding.

`dvc exp run --temp` and DVC's queue run an experiment in a copy of what git keeps, and machine.yaml is not among that. So it is
read, and folders are found, where the experiment was started: it shares features and checkpoints with the workspace there.
"""

import os
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from asr.base.sections import Section, parse
from asr.machine.engine import Engine
from stages.common.params import Yaml12Loader, read_yaml

MACHINE = Path("machine.yaml")
FOLDERS = ("cache", "tensorboard", "checkpoints")
"""The keys that name a folder."""

EXPERIMENTS = (".dvc", "tmp", "exps")
"""Where in a project DVC puts the copies that experiments run in, at any depth."""


class Machine(Section):
    """The way this machine computes. Each key is also an environment variable: ASR_WORKERS."""

    workers: int = Field(default_factory=lambda: _usable_cores(), ge=1)
    engine: Literal["local", "ray"] = "local"
    ray_address: str = Field(default="auto", min_length=1)
    cache: str = Field(default=".cache/features", min_length=1)
    tensorboard: str = Field(default=".cache/tensorboard", min_length=1)
    checkpoints: str = Field(default=".cache/training", min_length=1)
    train_ranks: int = Field(default=1, ge=1)
    loader_workers: int | None = Field(default=None, ge=0)
    checkpoint_minutes: float = Field(default=10.0, gt=0)
    keep_runs: int = Field(default=3, ge=0)
    report_to: list[str] = Field(default_factory=list)
    require_gpu: bool = False

    @property
    def job_engine(self) -> Engine:
        """The place where independent jobs run."""
        return Engine(self.engine, self.workers, self.ray_address)

    @property
    def checkpoint_folder(self) -> Path:
        """The folder of training runs: those that are not done with their checkpoints, others with their result."""
        return Path(self.checkpoints)

    @property
    def tensorboard_folder(self) -> Path:
        """The folder in which each run has one for TensorBoard's events."""
        return Path(self.tensorboard)

    @property
    def cache_folder(self) -> Path:
        """The folder of finished shards."""
        return Path(self.cache)


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def home(folder: Path) -> Path:
    """Find the project that an experiment in `folder`, an absolute path, was started from; elsewhere it is `folder` itself."""
    return next((above for above in folder.parents if folder.is_relative_to(above.joinpath(*EXPERIMENTS))), folder)


def at_home(path: str | Path) -> Path:
    """Find a path that is relative to the project: as it is, or in an experiment's copy, in the project that it came from."""
    here = Path.cwd()
    project = home(here)
    return Path(path).expanduser() if project == here else project / Path(path).expanduser()


def read_machine() -> Machine:
    """Read machine.yaml, where there is one; an environment variable goes before it."""
    path = at_home(MACHINE)
    values = read_yaml(path) if path.exists() else {}
    for key, field in Machine.model_fields.items():
        variable = f"ASR_{key.upper()}"
        text = os.environ.get(variable, "")
        if text:
            values[key] = text if field.annotation is str else _scalar(text)
    machine = parse(Machine, values, f"{path} or the environment")
    return machine.model_copy(update={key: str(at_home(getattr(machine, key))) for key in FOLDERS})


def _scalar(text: str) -> Any:
    try:
        return yaml.load(text, Loader=Yaml12Loader)
    except (yaml.YAMLError, ValueError):  # the schema refuses it, and names the key
        return text
