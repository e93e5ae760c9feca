"""Batches: a step's clips as they are stored, and its micro-batches padded on the device.

A loader copies the clips of a whole optimiser step one behind the other, in float16 and without padding, and with them what
says which is which, so that a step comes onto the device in one go. How many of its clips the device then takes at once is the
device's affair, and may change in mid-run.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from asr.model.window import padded
from asr.training.plan import Plan, Slot, Step
from asr.training.variety import Variety, varied

READERS = 2
STEPS_READ_AHEAD = 2 * READERS + 2
"""Two by each reader, one that is being pinned, one in use."""
SHARED_MEMORY, LEAST_SHARED_MEMORY = Path("/dev/shm"), 2**30

IGNORED = -100
"""The label that carries no loss."""


@dataclass(frozen=True)
class Examples:
    """A split's clips.

    Attributes:
        frames: of each clip, float16 of shape (frames, mels).
        labels: of each clip, token ids with the prompt in front and the end behind.
        languages: what the model is told of each clip, in its label's prompt, too; None: what it is set to.
        continuations: of each clip, the token ids of its text when it follows another; only packed slots need them.
    """

    frames: Sequence[NDArray[np.float16]]
    labels: Sequence[Sequence[int]]
    languages: Sequence[str | None]
    continuations: Sequence[Sequence[int]] = ()

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Row:
    """A slot of a step as it lies in its `StepBatch`: where its frames are, the window it is padded to, its token ids."""

    start: int
    frames: int
    window: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class StepBatch:
    """A rank's share of one step, unpadded.

    Attributes:
        frames: shape (frames of all rows, mels), float16.
        places: of each row, where its frames begin and how many they are, shape (rows, 2).
        tokens: of each row, filled up with IGNORED, shape (rows, tokens of the longest).
        rows: the slots of this share, the widest window first; there may be none.
        step_labels: labels in the whole step, over all ranks, as are `step_clips` and the stored `step_frames`.
    """

    frames: Tensor
    places: Tensor
    tokens: Tensor
    rows: tuple[Row, ...]
    step_labels: int = 0
    step_clips: int = 0
    step_frames: int = 0

    def pin_memory(self) -> "StepBatch":
        """Pin the tensors, as a DataLoader asks: from pinned memory a GPU copies while it computes."""
        return self._each(Tensor.pin_memory)

    def to(self, device: torch.device) -> "StepBatch":
        """Copy the tensors to a device; with CUDA nobody waits for what is pinned."""
        # Not on MPS, whose copies don't keep alive what they copy from (pytorch#189690).
        return self._each(lambda tensor: tensor.to(device, non_blocking=device.type == "cuda"))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "StepBatch":
        return replace(self, frames=change(self.frames), places=change(self.places), tokens=change(self.tokens))


def make_batch(frames: Tensor, rows: Sequence[Row], **counts: int) -> StepBatch:
    """Put rows together with their frames; `counts` are those of the whole step."""
    tokens = torch.full((len(rows), max((len(row.tokens) for row in rows), default=0)), IGNORED)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = torch.tensor(row.tokens)
    places = torch.tensor([(row.start, row.frames) for row in rows]).reshape(len(rows), 2)
    return StepBatch(frames, places, tokens, tuple(rows), **counts)


def collate(examples: Examples, step: Step, variety: Variety, seed: Sequence[int], rank: int = 0, ranks: int = 1) -> StepBatch:
    """Copy a rank's share of a step's clips into one batch.

    Args:
        examples: the split.
        step: its slots. Ranks take turns at them from the widest window down, so that their shares cost about the same.
        variety: what is done to the clips.
        seed: of the variety; each clip draws its own, whichever slot and rank it is with.
        rank: whose share.
        ranks: how many share.
    """
    parts = [np.zeros((0, examples.frames[0].shape[1]), np.float16)]
    rows, start = [], 0
    for slot in sorted(step, key=lambda slot: slot.window, reverse=True)[rank::ranks]:
        clips = [examples.frames[clip] for clip in slot.clips]
        if variety:
            clips = [varied(c, variety, np.random.default_rng([*seed, n])) for c, n in zip(clips, slot.clips, strict=True)]
        frames = sum(len(clip) for clip in clips)
        rows.append(Row(start, frames, slot.window, _tokens(examples, slot)))
        parts += clips
        start += frames
    return make_batch(
        torch.from_numpy(np.concatenate(parts)),
        rows,
        step_labels=sum(len(_tokens(examples, slot)) - 1 for slot in step),
        step_clips=sum(len(slot.clips) for slot in step),
        step_frames=sum(len(examples.frames[clip]) for slot in step for clip in slot.clips),
    )


def _tokens(examples: Examples, slot: Slot) -> tuple[int, ...]:
    """One prompt, the texts, one end."""
    first, *others = slot.clips
    *begun, end = examples.labels[first]
    return (*begun, *(token for clip in others for token in examples.continuations[clip]), end)


def micro_batches(rows: Sequence[Row], most: Callable[[int], int]) -> list[slice]:
    """Divide rows, those of equal windows side by side, into groups of one window.

    Args:
        rows: to be grouped.
        most: how many rows of a given window the device takes at once.
    """
    groups: list[slice] = []
    start = 0
    for window, alike in groupby(rows, key=lambda row: row.window):
        end = start + len(list(alike))
        groups += [slice(first, min(first + most(window), end)) for first in range(start, end, most(window))]
        start = end
    return groups


def pad(batch: StepBatch, group: slice, pad_token_id: int) -> dict[str, Tensor]:
    """A micro-batch as the model takes it, on the device that the batch is on.

    Labels begin after the start-of-transcript token, with which the decoder's input begins: the model sees exactly one.

    Args:
        batch: a step.
        group: some of its rows, of one window.
        pad_token_id: fills the decoder's input up.

    Returns:
        input_features (rows, mels, window) in float32; decoder_input_ids and labels (rows, tokens).
    """
    rows = batch.rows[group]
    starts, lengths = batch.places[group].unbind(1)
    tokens = batch.tokens[group, : max(len(row.tokens) for row in rows)]
    return {
        "input_features": padded(batch.frames, starts, lengths, rows[0].window).float(),
        "decoder_input_ids": tokens[:, :-1].masked_fill(tokens[:, :-1] == IGNORED, pad_token_id),
        "labels": tokens[:, 1:],
    }


Key = tuple[int, int]
"""An epoch and the number of a step in it."""


class Steps(Dataset[StepBatch]):
    """Every step of the plan, by its key; of each, the slots that one rank learns from."""

    def __init__(self, examples: Examples, plan: Plan, variety: Variety, rank: int, ranks: int) -> None:
        self._examples, self._plan, self._variety, self._rank, self._ranks = examples, plan, variety, rank, ranks
        self._epoch, self._steps = -1, list[tuple[Slot, ...]]()

    def __len__(self) -> int:
        return self._plan.steps_per_epoch

    def __getitem__(self, key: Key) -> StepBatch:
        epoch, number = key
        if epoch != self._epoch:
            self._epoch, self._steps = epoch, self._plan.epoch(epoch)
        return collate(self._examples, self._steps[number], self._variety, (self._plan.seed, epoch), self._rank, self._ranks)


class StepKeys(Sampler[list[Key]]):
    """The keys of one epoch's steps; the trainer says which epoch it is."""

    def __init__(self, steps: int) -> None:
        self._steps, self._epoch = steps, 0

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[list[Key]]:
        return ([(self._epoch, number)] for number in range(self._steps))

    def set_epoch(self, epoch: int) -> None:
        """Note the epoch; the trainer calls this before each."""
        self._epoch = epoch


def step_loader(steps: Steps, keys: StepKeys, workers: int, pin: bool) -> DataLoader[StepBatch]:
    """Make a loader that reads steps ahead in `workers` processes, into pinned memory where there is a GPU to copy them to."""
    return DataLoader(
        steps,
        batch_sampler=keys,
        collate_fn=_only,
        num_workers=workers,
        pin_memory=pin,
        persistent_workers=workers > 0,
        worker_init_fn=_apart,
    )


def _apart(worker: int) -> None:
    """Leave the group that `timeout` and terminals signal: a run that is asked to end needs its readers until it has."""
    os.setpgrp()


def readers(device: str, step_bytes: int) -> int:
    """Processes that read ahead for a device: a GPU would wait 9 ms for 64 clips at each step, 17 with masks; a CPU has no core
    to spare. They hand their steps, of so many bytes at most, over in shared memory, of which a container may have too little.
    """
    needed = max(LEAST_SHARED_MEMORY, STEPS_READ_AHEAD * step_bytes)
    if device != "cuda" or not SHARED_MEMORY.exists() or shutil.disk_usage(SHARED_MEMORY).free < needed:
        return 0
    return READERS


def _only(items: Sequence[StepBatch]) -> StepBatch:
    (item,) = items
    return item
