"""The engine: order, any number of workers, a worker that dies."""

import os

import pytest

from asr.engine import run_jobs
from asr.errors import DataError


def double(number: int) -> int:
    return 2 * number


def die_on_three(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_results_come_in_the_order_of_the_jobs(workers: int) -> None:
    assert list(run_jobs(double, range(5), workers)) == [0, 2, 4, 6, 8]


def test_no_jobs_no_results() -> None:
    assert list(run_jobs(double, [], 2)) == []


def test_a_worker_that_is_killed_is_an_error_with_a_remedy() -> None:
    with pytest.raises(DataError, match=r"a worker process was killed.*fewer `workers` in machine.yaml"):
        list(run_jobs(die_on_three, range(5), 2))
