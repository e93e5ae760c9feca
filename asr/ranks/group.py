"""The group of ranks: which of them this process is, what they vote for, agree on and sum."""

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, distributed

Value = TypeVar("Value")

BUCKET_BYTES = 25 * 2**20
"""What torch's DistributedDataParallel takes, too."""


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


def wait_for_all() -> None:
    """Go on when every rank has come here."""
    on_any_rank(False)


def agreed(value: Value) -> Value:
    """The value that rank 0 has: a disk that several nodes share doesn't show all of them the same at the same time."""
    if not distributed.is_initialized():
        return value
    said = [value]
    distributed.broadcast_object_list(said)
    return said[0]


def sum_over_ranks(tensors: Sequence[Tensor]) -> None:
    """Sum each tensor over all ranks, in place, as many in one call as make up BUCKET_BYTES.

    Every rank has to call it, with tensors of the same shapes in the same order.
    """
    for bucket in _buckets(tensors):
        together = torch.cat([tensor.flatten() for tensor in bucket])
        distributed.all_reduce(together)
        for tensor, total in zip(bucket, torch.split(together, [tensor.numel() for tensor in bucket]), strict=True):
            tensor.copy_(total.view_as(tensor))


def _buckets(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """Cut a sequence where a bucket is full, and between tensors of two formats."""
    buckets: list[list[Tensor]] = []
    for tensor in tensors:
        last = buckets[-1] if buckets else []
        if last and last[0].dtype == tensor.dtype and sum(other.nbytes for other in [*last, tensor]) <= BUCKET_BYTES:
            last.append(tensor)
        else:
            buckets.append([tensor])
    return buckets
