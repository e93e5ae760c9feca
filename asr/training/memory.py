"""Memory: how many rows of a window the device takes at once, found by trial on the model itself; and the room on the disk."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from asr.base.errors import DataError
from asr.base.files import require_room
from asr.machine.device import is_out_of_memory
from asr.training.checkpoints import LEAST_KEPT
from asr.training.optimizer import state_bytes
from asr.training.recipe import Train

Result = TypeVar("Result")

Trial = Callable[[int, int], Tensor]
"""The loss of so many rows in a window of so many frames."""

CPU_FRAMES = 12_000
"""In one micro-batch on a CPU, four whole windows. More takes memory and is no faster (tiny shape, 2 cores: 36 ms a clip of 4 s
in rows of 32, 37 in rows of 16)."""

CPU_SHARE, GPU_SHARE = 0.5, 0.9
"""Of the machine's memory, and of what nobody else has of the GPU's, for all that a step needs."""


def too_much(what: str) -> DataError:
    """The error of what takes too much memory, with what takes less."""
    return DataError(
        f"{what}; choose a smaller model.name, or set train.activation_checkpointing: true, train.lora_rank, "
        "train.optimizer: adamw_8bit or filter.max_seconds"
    )


def require_disk(folder: Path, model: nn.Module, settings: Train) -> None:
    """Stop when there is no room for a run's checkpoints: the weights, and what the optimiser keeps for each.

    Args:
        folder: of the run; what it has already needs no room.
        model: as it is before training.
        settings: the recipe. LoRA's matrices are small, and not looked at.

    Raises:
        DataError: with the room that there is.
    """
    if settings.lora_rank:
        return
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    count = max(settings.keep_checkpoints, LEAST_KEPT) + 1  # the newest is written before the oldest goes
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    averaged = settings.average if settings.average > 1 else 0
    needed = count * (weights + state_bytes(model, settings.optimizer)) + averaged * weights - there
    remedy = "make room there, or set checkpoints in machine.yaml to a folder on another disk"
    require_room(folder, needed, f"{count} checkpoints of this run", remedy)


@dataclass
class Limits:
    """The number of rows that the device takes at once, by window; halved whenever that proves too many.

    Attributes:
        rows: by window in frames; a window between two of them has the limit of the wider.
        halvings: how often memory ran out since.
    """

    rows: dict[int, int]
    halvings: int = 0

    def most(self, window: int) -> int:
        """The number of rows for a window of so many frames; at least 1."""
        wider = min((tried for tried in self.rows if tried >= window), default=max(self.rows))
        return max(1, self.rows[wider] >> self.halvings)

    def halve(self) -> bool:
        """Take half as many rows from now on; False when there is nothing left to halve."""
        if all(rows >> self.halvings <= 1 for rows in self.rows.values()):
            return False
        self.halvings += 1
        return True


def within_memory(limits: Limits, model: nn.Module, work: Callable[[], Result]) -> Result:
    """Do the work, with half as many rows at a time from then on whenever memory runs out.

    Raises:
        DataError: when a single row does not fit.
    """
    device = next(model.parameters()).device
    while True:
        try:
            return work()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if not limits.halve():
                said = str(error).partition("\n")[0]
                raise too_much(f"{device}: out of memory with one clip at a time ({said})") from error
        # Here the handler is over, which held on to the tensors that did not fit.
        print("train: out of memory; half as many clips at a time from now on", file=sys.stderr)
        model.zero_grad()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def find_limits(trial: Trial, windows: Sequence[int], most: int, reserved: int, device: str) -> Limits | None:
    """The largest micro-batches that fit, at most `most` rows; None when one row of the widest window does not.

    Args:
        trial: makes the loss of a micro-batch as training would.
        windows: to be tried, the widest first.
        most: rows worth taking.
        reserved: bytes that training needs besides and that are not yet taken: the optimiser's.
        device: cuda, mps or cpu.
    """
    if device == "cuda":
        # The first of all makes the gradients, which stay: else they would count as what the second row costs.
        _peak(trial, 1, windows[0])
    find = partial(_by_trial, trial) if device == "cuda" else _by_size(trial, windows[0])
    rows = {window: find(window, most, reserved) for window in windows}
    if rows[windows[0]] < 1:
        return None
    return Limits({window: max(1, count) for window, count in rows.items()})


def _by_size(trial: Trial, widest: int) -> Callable[[int, int, int], int]:
    """Find limits from what a forward pass keeps for the backward pass, which grows with the window and the rows."""
    memory = CPU_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    one, two = kept_bytes(trial, 1, widest), kept_bytes(trial, 2, widest)
    row = two - one  # the weights are kept as well, but once

    def find(window: int, most: int, reserved: int) -> int:
        return min(most, max(1, CPU_FRAMES // window), int((memory - reserved - (one - row)) / (row * window / widest)))

    return find


def kept_bytes(trial: Trial, rows: int, window: int) -> int:
    """Count the bytes that a forward pass of so many rows keeps for its backward pass."""
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        trial(rows, window)
    return sum(kept.values())


def _by_trial(trial: Trial, window: int, most: int, reserved: int) -> int:
    """Find a limit by small trials, which say what a row costs, and one that makes sure."""
    torch.cuda.empty_cache()
    budget = GPU_SHARE * (torch.cuda.mem_get_info()[0] + torch.cuda.memory_allocated()) - reserved
    one, two = _peak(trial, 1, window), _peak(trial, 2, window)
    if one is None or one > budget:
        return 0
    if two is None or two > budget:
        return 1
    rows = min(most, int(2 + (budget - two) / max(1, two - one)))
    while rows > 2 and ((peak := _peak(trial, rows, window)) is None or peak > budget):
        rows = int(0.8 * rows)
    return rows


def _peak(trial: Trial, rows: int, window: int) -> int | None:
    """Bytes taken at most while `rows` are learned from; None when they don't fit."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        trial(rows, window).backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None
    finally:
        torch.cuda.empty_cache()
    return int(torch.cuda.max_memory_allocated())
