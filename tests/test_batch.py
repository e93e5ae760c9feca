"""Batches: one start token, padding without loss, shares that are whole together."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from asr.training.batch import (
    IGNORED,
    LEAST_SHARED_MEMORY,
    Examples,
    Row,
    StepBatch,
    StepKeys,
    Steps,
    collate,
    make_batch,
    micro_batches,
    pad,
    readers,
    step_loader,
)
from asr.training.plan import Slot, Step
from asr.training.variety import NO_VARIETY, Gain, Masks, Variety, varied

START, END, PAD = 50, 60, 60
FRAMES = [3, 2, 5, 4]
LABELS = [[START, 7, 8, END], [START, 9, END], [START, END], [START, 1, 2, 3, END]]
MASKS = Variety(Gain(0.0, 0.0, 0.0), Masks(times=0, time_frames=1, frequencies=2, frequency_mels=2))
STEP = (Slot((0,), 6), Slot((3, 1), 8), Slot((2,), 6))


@pytest.fixture
def examples() -> Examples:
    """Clip n has FRAMES[n] frames of (100 n + frame, its negative)."""
    clips = [np.array([[100 * n + frame, -100 * n - frame] for frame in range(FRAMES[n])], np.float16) for n in range(4)]
    return Examples(clips, LABELS, [None] * 4, [[77, 78], [79], [], [71, 72, 73]])


def whole(examples: Examples, *lines: Slot, variety: Variety = NO_VARIETY) -> StepBatch:
    return collate(examples, lines, variety, (1, 0))


def padded(batch: StepBatch) -> dict[str, torch.Tensor]:
    return pad(batch, slice(None), PAD)


def test_the_decoder_sees_exactly_one_start_token(examples: Examples) -> None:
    batch = padded(whole(examples, Slot((0,), 6), Slot((1,), 6)))

    assert batch["decoder_input_ids"].tolist() == [[START, 7, 8], [START, 9, END]]
    assert batch["labels"].tolist() == [[7, 8, END], [9, END, IGNORED]]


def test_the_decoders_input_is_filled_up_with_the_padding_token() -> None:
    rows = [Row(0, 1, 2, (START, 5, 5, 5, END)), Row(0, 1, 2, (START, END))]

    batch = pad(make_batch(torch.zeros(1, 2, dtype=torch.float16), rows), slice(None), pad_token_id=99)

    assert batch["decoder_input_ids"].tolist() == [[START, 5, 5, 5], [START, END, 99, 99]]
    assert batch["labels"].tolist() == [[5, 5, 5, END], [END, IGNORED, IGNORED, IGNORED]]


def test_a_begin_token_that_is_not_the_start_token_stays() -> None:
    """In Whisper's tokenizer the begin-of-sequence token is the end-of-text token: dropping that one drops nothing."""
    batch = padded(make_batch(torch.zeros(1, 2, dtype=torch.float16), [Row(0, 1, 2, (START, END, 7, END))]))

    assert batch["labels"].tolist() == [[END, 7, END]]


def test_features_are_padded_with_their_last_frame(examples: Examples) -> None:
    features = padded(whole(examples, Slot((0,), 6), Slot((1,), 6)))["input_features"]

    assert features.shape == (2, 2, 6)
    assert features.dtype == torch.float32
    assert features[0].tolist() == [[0, 1, 2, 2, 2, 2], [0, -1, -2, -2, -2, -2]]
    assert features[1].tolist() == [[100, 101, 101, 101, 101, 101], [-100, -101, -101, -101, -101, -101]]


def test_frames_beyond_the_window_are_cut(examples: Examples) -> None:
    features = padded(whole(examples, Slot((2,), 4), Slot((0,), 4)))["input_features"]

    assert features[:, 0].tolist() == [[200, 201, 202, 203], [0, 1, 2, 2]]


def test_a_packed_line_has_one_prompt_its_texts_and_one_end(examples: Examples) -> None:
    batch = whole(examples, Slot((1, 3, 0), 12))

    assert batch.rows == (Row(0, 9, 12, (START, 9, 71, 72, 73, 77, 78, END)),)
    assert padded(batch)["input_features"][0, 0].tolist() == [100, 101, 300, 301, 302, 303, 0, 1, 2, 2, 2, 2]
    assert padded(batch)["labels"].tolist() == [[9, 71, 72, 73, 77, 78, END]]


def test_a_step_is_stored_in_half_precision_without_padding(examples: Examples) -> None:
    batch = whole(examples, *STEP)

    assert (batch.frames.dtype, batch.frames.shape) == (torch.float16, (14, 2))
    assert [(row.start, row.frames, row.window) for row in batch.rows] == [(0, 6, 8), (6, 3, 6), (9, 5, 6)]


def test_a_steps_counts_are_of_what_is_learned(examples: Examples) -> None:
    batch = whole(examples, *STEP)

    # 3 of clip 0, 1 of clip 2, and of clips 3 and 1 together 4 and the one that follows.
    assert (batch.step_labels, batch.step_clips, batch.step_frames) == (9, 4, 14)
    assert batch.step_labels == sum(int((padded(whole(examples, line))["labels"] != IGNORED).sum()) for line in STEP)


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_the_ranks_shares_are_the_step_once(examples: Examples, ranks: int) -> None:
    alone = whole(examples, *STEP)
    shares = [collate(examples, STEP, NO_VARIETY, (1, 0), rank, ranks) for rank in range(ranks)]

    assert sorted(row.tokens for share in shares for row in share.rows) == sorted(row.tokens for row in alone.rows)
    assert sorted(contents(shares)) == sorted(contents([alone]))
    assert {(share.step_labels, share.step_clips, share.step_frames) for share in shares} == {(9, 4, 14)}
    assert max(len(share.rows) for share in shares) - min(len(share.rows) for share in shares) <= 1


def contents(shares: list[StepBatch]) -> list[list[float]]:
    return [share.frames[row.start : row.start + row.frames, 0].tolist() for share in shares for row in share.rows]


def test_a_rank_without_lines_has_no_rows_and_no_frames(examples: Examples) -> None:
    share = collate(examples, STEP, MASKS, (1, 0), rank=3, ranks=4)

    assert share.rows == ()
    assert (share.frames.dtype, share.frames.shape) == (torch.float16, (0, 2))
    assert micro_batches(share.rows, lambda window: 4) == []


def test_a_clips_level_and_masks_are_the_same_wherever_it_is() -> None:
    clips = [np.random.default_rng(n).normal(size=(30, 40)).astype(np.float16) for n in range(4)]
    examples = Examples(clips, LABELS, [None] * 4, [[]] * 4)
    variety = Variety(Gain(1.0, -20.0, 0.0), Masks(times=2, time_frames=6, frequencies=2, frequency_mels=10))
    packed: Step = (Slot((0, 1), 100), Slot((2, 3), 100))
    single: Step = tuple(Slot((clip,), 32) for clip in (3, 1, 2, 0))

    together = collate(examples, packed, variety, (1, 7)).frames
    second = collate(examples, packed, variety, (1, 7), rank=1, ranks=2).frames
    apart = collate(examples, single, variety, (1, 7)).frames

    assert torch.equal(second, together[60:])
    assert torch.equal(torch.cat([apart[90:], apart[30:60], apart[60:90], apart[:30]]), together)
    drawn = [varied(clip, variety, np.random.default_rng([1, 7, number])) for number, clip in enumerate(clips)]
    assert torch.equal(together, torch.from_numpy(np.concatenate(drawn)))
    assert not torch.equal(together, collate(examples, packed, variety, (1, 8)).frames)


def test_micro_batches_are_of_one_window_widest_first_and_no_larger_than_may_be() -> None:
    rows = [Row(start, 1, window, ()) for start, window in enumerate([48, 48, 48, 32, 16, 16, 16, 16, 16])]

    groups = micro_batches(rows, {48: 2, 32: 3, 16: 4}.__getitem__)

    assert [[row.window for row in rows[group]] for group in groups] == [[48, 48], [48], [32], [16] * 4, [16]]
    assert [row.start for group in groups for row in rows[group]] == list(range(9))


def test_a_step_comes_onto_the_device_in_three_copies_whatever_it_is_divided_into(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[tuple[str, bool]] = []

    def counting(tensor: torch.Tensor, device: torch.device, non_blocking: bool) -> torch.Tensor:
        copied.append((device.type, non_blocking))
        return tensor

    batch = whole(examples, *STEP)
    monkeypatch.setattr(torch.Tensor, "to", counting)
    batch.to(torch.device("mps"))
    there = batch.to(torch.device("cuda"))
    for group in micro_batches(there.rows, lambda window: 1):
        pad(there, group, PAD)

    assert copied == [("mps", False)] * 3 + [("cuda", True)] * 3


@pytest.mark.parametrize(
    ("device", "free", "step", "workers"),
    [
        ("cuda", 2**30, 2**20, 2),
        ("cuda", 2**26, 2**20, 0),
        ("cuda", 2**30, 2**28, 0),
        ("cuda", 6 * 2**28, 2**28, 2),
        ("cpu", 2**40, 0, 0),
        ("mps", 2**40, 0, 0),
    ],
)
def test_a_gpu_is_read_ahead_for_where_there_is_shared_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, free: int, step: int, workers: int
) -> None:
    monkeypatch.setattr("asr.training.batch.SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert readers(device, step) == workers

    monkeypatch.setattr("asr.training.batch.SHARED_MEMORY", tmp_path / "none")
    assert readers(device, step) == 0
    assert LEAST_SHARED_MEMORY == 2**30


class Groups(Dataset[int]):
    """The group of processes of whoever reads."""

    def __getitem__(self, key: object) -> int:
        return os.getpgrp()


def test_readers_hear_no_signal_that_is_for_the_group() -> None:
    loader = step_loader(cast(Steps, Groups()), StepKeys(2), workers=1, pin=False)

    (group,) = set(map(int, loader))

    assert group != os.getpgrp()
