"""The engine: where independent jobs run."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Engine:
    """The place where jobs run: `workers` processes here, or the Ray cluster at `address` (see asr/jobs/cluster.py).

    0 workers: in this process, which a job may then take down.
    """

    kind: Literal["local", "ray"] = "local"
    workers: int = 1
    address: str = "auto"
