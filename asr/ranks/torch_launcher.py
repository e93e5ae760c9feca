"""Ranks on this machine, by what is behind `torchrun`."""

import logging
import os
from collections.abc import Callable

import torch
from torch import distributed

from asr.base.errors import DataError
from asr.machine.shutdown import end_with_parent
from asr.ranks.rank import BACKENDS, MOST_WAITING, RESTARTS, SECONDS_BETWEEN_LOOKS, Rank, died_too_often


def launched_by_torch(rank: Rank) -> Callable[[], None]:
    """Make what runs all ranks to their end.

    Raises:
        DataError: when there are fewer GPUs; by what is made: when a rank died too often.
    """
    gpus = torch.cuda.device_count()
    if 0 < gpus < rank.ranks:
        raise DataError(f"train_ranks is {rank.ranks}, but this machine has {gpus} GPUs: lower it, or set engine: ray")
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=rank.ranks,
        run_id=rank.folder.name,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,  # its own way to start ranks again hangs now and then with gloo
        monitor_interval=SECONDS_BETWEEN_LOOKS,
        logs_specs=DefaultLogsSpecs(log_dir=str(rank.folder / "torchrun")),
    )

    def launch() -> None:
        for left in reversed(range(RESTARTS + 1)):
            try:
                elastic_launch(config, _in_torch)(rank)
                return
            except ChildFailedError as error:
                if not left:
                    raise died_too_often(error) from error

    return launch


def _in_torch(rank: Rank) -> None:
    """Do the work of a rank, when torch's launcher calls this in its process."""
    end_with_parent()
    os.setpgrp()  # Ctrl-C and `timeout` reach all processes of a group; the parent asks for the end
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group(BACKENDS["GPU"], timeout=MOST_WAITING)
    else:
        threads = max(1, torch.get_num_threads() // rank.ranks)
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # or accelerate warns that there are as many
        torch.set_num_threads(threads)
        distributed.init_process_group(BACKENDS["CPU"], timeout=MOST_WAITING)
    rank.run()
    distributed.destroy_process_group()
