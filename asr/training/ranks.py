"""Ranks: one training on several GPUs or nodes, in processes that Ray Train starts, watches and starts again."""

import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

import torch
from torch import distributed

from asr.base.errors import DataError
from asr.machine.ray_cluster import connected

Value = TypeVar("Value")

RESTARTS = 3
"""Of all ranks together when one dies; they go on from the newest checkpoint."""

LOG, ERROR = "rank-0.log", "rank-error.txt"
"""In the run's folder: what rank 0 says, and why a rank gave up."""

SECONDS_BETWEEN_LOOKS = 0.5


def rank_and_ranks() -> tuple[int, int]:
    """The number of this process and of all of them; (0, 1) when it is alone."""
    return (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)


def on_any_rank(flag: bool) -> bool:
    """Whether the flag is true on some rank. Every rank has to ask."""
    if not distributed.is_initialized():
        return flag
    votes = torch.tensor([flag], dtype=torch.int, device="cuda" if distributed.get_backend() == "nccl" else "cpu")
    distributed.all_reduce(votes)
    return bool(votes.item())


def agreed(value: Value) -> Value:
    """The value that rank 0 has: a disk that several nodes share doesn't show all of them the same at the same time."""
    if not distributed.is_initialized():
        return value
    said = [value]
    distributed.broadcast_object_list(said)
    return said[0]


def run_ranks(work: Callable[[], None], ranks: int, address: str, folder: Path) -> None:
    """Run `work` in `ranks` processes of a Ray cluster, joined by torch.distributed.

    Args:
        work: importable on every node, where it finds this process's working directory as its own.
        ranks: how many processes, each with a GPU of its own where the cluster has any.
        address: of the cluster; `local` starts one on this machine alone.
        folder: of the run, shared by all nodes.

    Raises:
        DataError: what a rank raised; or when the cluster is not there or too small, or a rank died too often.
    """
    # Ray Train would repeat every line that a rank prints.
    os.environ["RAY_TRAIN_ENABLE_PRINT_PATCH"] = "0"
    ray = connected(address)
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    logging.getLogger("ray.train").setLevel(logging.CRITICAL)
    kind = "GPU" if ray.cluster_resources().get("GPU") else "CPU"
    there = int(ray.cluster_resources().get(kind, 0))
    if there < ranks:
        raise DataError(f"train_ranks is {ranks}, but the cluster at {address} has {there} {kind}s: lower it, or add nodes")
    for name in (LOG, ERROR):
        (folder / name).unlink(missing_ok=True)
    trainer = TorchTrainer(
        _Rank(work, ranks, Path.cwd(), folder).run,
        scaling_config=ScalingConfig(num_workers=ranks, use_gpu=kind == "GPU"),
        torch_config=TorchConfig(backend="nccl" if kind == "GPU" else "gloo"),
        run_config=RunConfig(
            name="ray", storage_path=str(folder.resolve()), failure_config=FailureConfig(max_failures=RESTARTS)
        ),
    )
    # In a thread, or Ray would take Ctrl-C for itself.
    with _followed(folder / LOG), ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(trainer.fit).result()
        except TrainingFailedError as error:
            reason = str(error).strip().splitlines()[-1]
            raise DataError(
                f"a rank died {RESTARTS + 1} times ({reason}); run again to go on from the newest checkpoint"
            ) from error
    if (folder / ERROR).exists():
        raise DataError((folder / ERROR).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Rank:
    work: Callable[[], None]
    ranks: int
    project: Path
    folder: Path

    def run(self) -> None:
        """Do the work of one rank, when Ray calls this in its process."""
        os.chdir(self.project)
        if not self.folder.is_dir():
            raise DataError(f"{self.folder} is not there on {socket.gethostname()}: ranks share one disk for the project")
        if not torch.cuda.is_available():
            torch.set_num_threads(_cores_of_a_rank())
        if (self.folder / ERROR).exists():  # Ray starts everything again, which doesn't mend bad data
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


def _cores_of_a_rank() -> int:
    """The cores that Ray has on this node, shared among its ranks; Ray itself would give each one."""
    import ray
    from ray.train import get_context

    here = ray.get_runtime_context().get_node_id()
    cores = next(node["Resources"]["CPU"] for node in ray.nodes() if node["NodeID"] == here)
    ranks: int = get_context().get_local_world_size()
    return max(1, int(cores) // ranks)


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
