"""The launch of ranks, which are watched and started again."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

from asr.base.errors import DataError
from asr.ranks.rank import ERROR, LOG, SECONDS_BETWEEN_LOOKS, Rank
from asr.ranks.ray_launcher import launched_by_ray
from asr.ranks.torch_launcher import launched_by_torch


def run_ranks(work: Callable[[], None], ranks: int, address: str | None, folder: Path) -> None:
    """Run `work` in `ranks` processes, joined by torch.distributed, each with a GPU of its own where there are any.

    Args:
        work: importable on every node, where it finds this process's working directory as its own.
        ranks: how many processes.
        address: of a Ray cluster, whose nodes they are spread over; `local` starts one on this machine alone. None: they are
            on this machine, started by what is behind `torchrun`.
        folder: of the run, shared by all nodes.

    Raises:
        DataError: what a rank raised; or when the cluster or the GPUs are not there or too few, or a rank died too often.
    """
    for name in (LOG, ERROR):
        (folder / name).unlink(missing_ok=True)
    rank = Rank(work, ranks, Path.cwd(), folder)
    launch = launched_by_torch(rank) if address is None else launched_by_ray(rank, address)
    # In a thread, or Ray and torch would take Ctrl-C for themselves.
    with _followed(folder / LOG), ThreadPoolExecutor(1) as thread:
        thread.submit(launch).result()
    if (folder / ERROR).exists():
        raise DataError((folder / ERROR).read_text(encoding="utf-8"))


@contextlib.contextmanager
def _followed(path: Path) -> Iterator[None]:
    """Repeat on stderr what is written to a file."""
    path.touch()
    over = threading.Event()
    with path.open(encoding="utf-8") as log:
        follower = threading.Thread(target=_follow, args=(log, over), daemon=True)
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()


def _follow(log: TextIO, over: threading.Event) -> None:
    while True:
        last = over.wait(SECONDS_BETWEEN_LOOKS)
        sys.stderr.write(log.read())
        if last:
            return
