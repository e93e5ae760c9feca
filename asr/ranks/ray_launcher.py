"""Ranks on the nodes of a Ray cluster, by Ray Train."""

import logging
import os
from collections.abc import Callable
from functools import partial

import torch

from asr.base.errors import DataError
from asr.machine.ray_cluster import connected
from asr.ranks.rank import BACKENDS, MOST_WAITING, RESTARTS, Rank, died_too_often


def launched_by_ray(rank: Rank, address: str) -> Callable[[], None]:
    """Make what runs all ranks to their end.

    Raises:
        DataError: when the cluster is not there or too small; by what is made: when a rank died too often.
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
    if there < rank.ranks:
        raise DataError(
            f"train_ranks is {rank.ranks}, but the cluster at {address} has {there} {kind}s: lower it, or add nodes"
        )
    trainer = TorchTrainer(
        partial(_in_ray, rank),
        scaling_config=ScalingConfig(num_workers=rank.ranks, use_gpu=kind == "GPU"),
        torch_config=TorchConfig(backend=BACKENDS[kind], timeout_s=int(MOST_WAITING.total_seconds())),
        run_config=RunConfig(
            name="ray", storage_path=str(rank.folder.resolve()), failure_config=FailureConfig(max_failures=RESTARTS)
        ),
    )

    def launch() -> None:
        try:
            trainer.fit()
        except TrainingFailedError as error:
            raise died_too_often(error) from error

    return launch


def _in_ray(rank: Rank) -> None:
    """Do the work of a rank, when Ray calls this in its process."""
    import ray
    from ray.train import get_context

    if not torch.cuda.is_available():
        # Those that Ray has on this node, shared among its ranks; Ray itself would give each one.
        here = ray.get_runtime_context().get_node_id()
        cores = next(node["Resources"]["CPU"] for node in ray.nodes() if node["NodeID"] == here)
        torch.set_num_threads(max(1, int(cores) // get_context().get_local_world_size()))
    rank.run()
