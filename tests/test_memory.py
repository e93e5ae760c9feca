"""Memory: as many rows at once as fit, and no more."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from asr.base.errors import DataError
from asr.training.memory import Limits, find_limits, require_disk
from tests.recipes import recipe

BYTES_PER_FRAME = 64


def trial(rows: int, window: int) -> Tensor:
    """Its backward pass needs two tensors of 8 numbers a frame: the input of the product and the exponential."""
    weight = torch.zeros(8, 8, requires_grad=True)
    return (torch.ones(rows, window, 8) @ weight).exp().sum()


def give_memory(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 64, "SC_PHYS_PAGES": size // 64}.__getitem__)


def give_gpu(monkeypatch: pytest.MonkeyPatch, size: int, peak: Callable[[int, int], int | None]) -> list[tuple[int, int]]:
    """A GPU with so much memory, of which a trial takes what `peak` says; returns where the trials are listed."""
    trials: list[tuple[int, int]] = []

    def listed(trial: object, rows: int, window: int) -> int | None:
        trials.append((rows, window))
        return peak(rows, window)

    monkeypatch.setattr("asr.training.memory._peak", listed)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (size - 300, 2 * size))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 300)
    return trials


def test_a_window_between_two_has_the_limit_of_the_wider() -> None:
    limits = Limits({400: 5, 100: 20})

    assert [limits.most(window) for window in (16, 100, 101, 399, 400, 500)] == [20, 20, 5, 5, 5, 5]


def test_halving_goes_on_until_every_window_has_one_row() -> None:
    limits = Limits({400: 3, 100: 9})

    assert [(limits.halve(), limits.most(400), limits.most(100)) for _ in range(4)] == [
        (True, 1, 4),
        (True, 1, 2),
        (True, 1, 1),
        (False, 1, 1),
    ]
    assert limits.halvings == 3


def test_a_single_row_can_not_be_halved() -> None:
    assert not Limits({400: 1}).halve()


def test_on_a_cpu_the_most_is_what_is_worth_taking(monkeypatch: pytest.MonkeyPatch) -> None:
    give_memory(monkeypatch, 1 << 40)

    assert find_limits(trial, [200, 100], most=16, reserved=0, device="cpu") == Limits({200: 16, 100: 16})


def test_on_a_cpu_a_micro_batch_has_no_more_than_so_many_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    give_memory(monkeypatch, 1 << 40)

    assert find_limits(trial, [3_000, 100], most=1_000, reserved=0, device="cpu") == Limits({3_000: 4, 100: 120})
    assert find_limits(trial, [20_000], most=1_000, reserved=0, device="cpu") == Limits({20_000: 1})


def test_on_a_cpu_weights_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torch.ones(1_000, 100, requires_grad=True)
    give_memory(monkeypatch, 2 * (10 * 200 * BYTES_PER_FRAME + weights.nbytes))

    def with_weights(rows: int, window: int) -> Tensor:
        return trial(rows, window) + (weights * weights.detach()).sum()

    assert find_limits(with_weights, [200, 100], most=1_000, reserved=0, device="cpu") == Limits({200: 10, 100: 20})


@pytest.mark.parametrize("reserved", [0, 640_000])
def test_on_a_cpu_half_of_the_memory_holds_the_rows(monkeypatch: pytest.MonkeyPatch, reserved: int) -> None:
    give_memory(monkeypatch, 2 * (10 * 200 * BYTES_PER_FRAME + reserved))

    assert find_limits(trial, [200, 100], most=1_000, reserved=reserved, device="cpu") == Limits({200: 10, 100: 20})


def test_on_a_cpu_there_are_no_limits_when_one_row_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    give_memory(monkeypatch, 2 * 200 * BYTES_PER_FRAME)

    assert find_limits(trial, [200], most=16, reserved=0, device="cpu") == Limits({200: 1})
    assert find_limits(trial, [200], most=16, reserved=64, device="cpu") is None


def test_on_a_gpu_the_largest_number_of_rows_that_fits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    give_gpu(monkeypatch, 20_000, lambda rows, window: 1_000 + rows * window)

    limits = find_limits(trial, [400, 100], most=1_000, reserved=2_000, device="cuda")

    # 18 000 are for training, 2 000 of them for the optimiser and 1 000 for the model.
    assert limits == Limits({400: 37, 100: 150})


def test_on_a_gpu_the_most_is_what_is_worth_taking(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = give_gpu(monkeypatch, 20_000, lambda rows, window: 1_000 + rows * window)

    assert find_limits(trial, [100], most=16, reserved=0, device="cuda") == Limits({100: 16})
    assert max(rows for rows, _ in trials) == 16


def test_on_a_gpu_gradients_are_no_part_of_what_a_row_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def peak(rows: int, window: int) -> int:
        made.append(rows)
        return 1_000 + (3_000 if len(made) > 1 else 0) + rows * window

    give_gpu(monkeypatch, 20_000, peak)

    assert find_limits(trial, [400], most=1_000, reserved=2_000, device="cuda") == Limits({400: 30})


@pytest.mark.parametrize("too_much", [None, 30_000])
def test_on_a_gpu_fewer_rows_are_tried_until_they_fit(monkeypatch: pytest.MonkeyPatch, too_much: int | None) -> None:
    trials = give_gpu(monkeypatch, 20_000, lambda rows, window: 1_000 + rows * window if rows < 100 else too_much)

    limits = find_limits(trial, [100], most=1_000, reserved=2_000, device="cuda")

    assert trials == [(1, 100), (1, 100), (2, 100), (150, 100), (120, 100), (96, 100)]
    assert limits == Limits({100: 96})


@pytest.mark.parametrize("too_much", [None, 30_000])
def test_on_a_gpu_with_room_for_one_row_it_is_one(monkeypatch: pytest.MonkeyPatch, too_much: int | None) -> None:
    give_gpu(monkeypatch, 20_000, lambda rows, window: 1_000 if rows == 1 else too_much)

    assert find_limits(trial, [100], most=16, reserved=0, device="cuda") == Limits({100: 1})


@pytest.mark.parametrize("too_much", [None, 30_000])
def test_on_a_gpu_there_are_no_limits_when_one_row_is_too_much(monkeypatch: pytest.MonkeyPatch, too_much: int | None) -> None:
    give_gpu(monkeypatch, 20_000, lambda rows, window: too_much)

    assert find_limits(trial, [400, 100], most=16, reserved=0, device="cuda") is None


def test_a_run_asks_for_room_for_one_checkpoint_more_than_it_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Linear(1_000, 1_000, bias=False)
    settings = recipe()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=35_000_000))

    with pytest.raises(
        DataError, match=r"3 checkpoints of this run take 0\.04 GB, and 0\.04 GB are free: make room there, or set"
    ):
        require_disk(tmp_path, model, settings)

    require_disk(tmp_path, model, settings.model_copy(update={"optimizer": "adamw_8bit"}))
    require_disk(tmp_path, model, settings.model_copy(update={"lora_rank": 8}))
    (tmp_path / "checkpoint-1").write_bytes(bytes(2_000_000))
    require_disk(tmp_path, model, settings)
