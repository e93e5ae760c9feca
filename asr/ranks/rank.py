"""A rank: one of the processes that share a piece of work, whoever starts them."""

import contextlib
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from asr.base.errors import DataError
from asr.ranks.group import rank_and_ranks

RESTARTS = 3
"""Of all ranks together when one dies; they go on from the newest checkpoint."""

SECONDS_BETWEEN_LOOKS = 0.5
"""At what ranks say, and whether they are alive."""

LOG, ERROR = "rank-0.log", "rank-error.txt"
"""In the run's folder: what rank 0 says, and why a rank gave up."""

MOST_WAITING = timedelta(hours=2)
"""For one another: the others wait while the first writes a checkpoint, on a slow disk for longer than NCCL's ten minutes."""

BACKENDS = {"GPU": "nccl", "CPU": "gloo"}
"""Of torch.distributed, by what ranks compute on."""


@dataclass(frozen=True)
class Rank:
    """What every rank is given.

    Attributes:
        work: importable on every node.
        ranks: how many processes.
        project: the working directory.
        folder: of the run, shared by all.
    """

    work: Callable[[], None]
    ranks: int
    project: Path
    folder: Path

    def run(self) -> None:
        """Do the work of one rank, in its process, which has joined the others."""
        os.chdir(self.project)
        if not self.folder.is_dir():
            raise DataError(f"{self.folder} is not there on {socket.gethostname()}: ranks share one disk for the project")
        if (self.folder / ERROR).exists():  # all ranks are started again, which doesn't mend bad data
            return
        rank, ranks = rank_and_ranks()
        assert ranks == self.ranks, "some launchers silently start one process"
        path = self.folder / LOG if rank == 0 else Path(os.devnull)
        with path.open("a", buffering=1, encoding="utf-8") as log, contextlib.redirect_stderr(log):
            try:
                self.work()
            except DataError as error:
                (self.folder / ERROR).write_text(str(error), encoding="utf-8")
                raise


def died_too_often(error: Exception) -> DataError:
    """The error of a launcher that gave up."""
    reason = str(error).strip().splitlines()[-1]
    return DataError(f"a rank died {RESTARTS + 1} times ({reason}); run again to go on from the newest checkpoint")
