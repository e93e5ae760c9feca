"""Jobs: every job's result, any number of workers, a worker that dies."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from asr.base.errors import DataError
from asr.jobs.run import run_jobs, same_workers
from asr.jobs.work import Work
from asr.machine.engine import Engine

Numbers = tuple[int, ...]


def doubled(numbers: Numbers) -> Numbers:
    return tuple(2 * number for number in numbers)


def killed_by_13(numbers: Numbers) -> Numbers:
    if 13 in numbers:
        os._exit(9)
    return doubled(numbers)


def killed_once(job: tuple[str, int]) -> int:
    """Job 3 dies the first time that it runs, and leaves a file that says so."""
    folder, number = job
    if number == 3 and not Path(folder, "died").exists():
        Path(folder, "died").touch()
        os._exit(9)
    return number


def killed_in_company(numbers: Numbers) -> Numbers:
    if len(numbers) > 1 and 13 in numbers:
        os._exit(9)
    return doubled(numbers)


def refused(numbers: Numbers) -> Numbers:
    raise DataError(f"{numbers} is bad input")


def who(numbers: Numbers) -> tuple[int, ...]:
    return (os.getpid(), *numbers)


def apart(numbers: Numbers) -> Iterator[Numbers]:
    return ((number,) for number in numbers)


def name(numbers: Numbers) -> str:
    return f"number {numbers[0]}"


JOBS = [(1, 2), (3,), (4, 5), (6,), (7,)]


@pytest.mark.parametrize("run", [doubled, refused])
def test_nothing_of_the_pool_is_left_running(run: Callable[[Numbers], Numbers]) -> None:
    before = set(threading.enumerate())

    with contextlib.suppress(DataError):
        list(run_jobs(Work(run, apart, name), JOBS, Engine(workers=2)))

    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("workers", [0, 1, 2, 8])
def test_every_job_has_its_result(workers: int) -> None:
    results = dict(run_jobs(Work(doubled, apart, name), JOBS, Engine(workers=workers)))

    assert results == {(1, 2): (2, 4), (3,): (6,), (4, 5): (8, 10), (6,): (12,), (7,): (14,)}


def processes(work: Work[Numbers, tuple[int, ...]], jobs: list[Numbers]) -> set[int]:
    return {pid for _, (pid, *_) in run_jobs(work, jobs, Engine(workers=1))}


def test_lists_that_follow_one_another_are_done_by_the_same_processes() -> None:
    before = set(threading.enumerate())
    work = Work(who, apart, name)

    with same_workers():
        first, second = processes(work, JOBS), processes(work, JOBS)
        with pytest.raises(DataError, match="is bad input"):
            list(run_jobs(Work(refused, apart, name), JOBS, Engine(workers=1)))
        after_an_error = processes(work, JOBS)

    assert len(first) == 1
    assert first == second
    assert len(after_an_error) == 1
    assert processes(work, JOBS).isdisjoint(first)
    assert set(threading.enumerate()) == before


def test_a_list_after_one_that_lost_a_worker_is_done_by_new_ones(tmp_path: Path) -> None:
    work = Work(killed_once, lambda job: [job], lambda job: str(job[1]))
    jobs = [(str(tmp_path), number) for number in range(6)]

    with same_workers():
        results = sorted(result for _, result in run_jobs(work, jobs, Engine(workers=1)))
        after = processes(Work(who, apart, name), JOBS)

    assert results == list(range(6))
    assert (tmp_path / "died").exists()
    assert len(after) == 1  # a pool that is broken has each job done by a process of its own


def test_no_jobs_no_results() -> None:
    assert list(run_jobs(Work(doubled, apart, name), [], Engine(workers=2))) == []


def test_a_job_is_begun_before_the_next_is_known(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    def one_after_the_other() -> Iterator[Path]:
        yield first
        end = time.monotonic() + 60
        while not first.exists():
            assert time.monotonic() < end, "the first job waits for the second"
            time.sleep(0.01)
        yield second

    ended = [job for job, _ in run_jobs(Work(Path.touch, lambda job: [job], str), one_after_the_other(), Engine(workers=2))]

    assert sorted(ended) == [first, second]


def test_jobs_are_taken_as_workers_become_free() -> None:
    taken: list[int] = []

    def endless() -> Iterator[Numbers]:
        for number in range(10_000):
            taken.append(number)
            yield (number,)

    results = run_jobs(Work(doubled, apart, name), endless(), Engine(workers=2))
    next(results)
    results.close()  # type: ignore[attr-defined]

    assert len(taken) < 20


def test_a_job_whose_worker_is_killed_runs_once_more(tmp_path: Path) -> None:
    jobs = [(str(tmp_path), number) for number in range(12)]
    work = Work(killed_once, lambda job: [job], lambda job: str(job[1]))

    results = sorted(result for _, result in run_jobs(work, jobs, Engine(workers=2)))

    assert results == list(range(12))
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("jobs", [[(11, 12, 13, 14)], [(1, 2), (11, 12, 13, 14), (3, 4), (5, 6)]])
def test_the_piece_that_kills_its_worker_each_time_is_named(jobs: list[Numbers]) -> None:
    with pytest.raises(DataError, match=r"^number 13: the process that worked on it was killed each time; .*fewer `workers`"):
        list(run_jobs(Work(killed_by_13, apart, name), jobs, Engine(workers=2)))


def test_a_job_that_kills_its_worker_only_as_a_whole_is_named_by_its_ends() -> None:
    with pytest.raises(DataError, match=r"^the process that worked on number 11 to number 14 was killed each time"):
        list(run_jobs(Work(killed_in_company, apart, name), [(1, 2), (11, 12, 13, 14)], Engine(workers=2)))


@pytest.mark.parametrize("jobs", [[(1,)], [(1,), (2,), (3,)]])
def test_bad_input_in_a_job_is_told_as_it_is(jobs: list[Numbers]) -> None:
    with pytest.raises(DataError, match="is bad input"):
        list(run_jobs(Work(refused, apart, name), jobs, Engine(workers=2)))


SLEEPER = """
import signal
import time
from pathlib import Path
from asr.machine.engine import Engine
from asr.jobs.work import Work
from asr.jobs.run import run_jobs
def sleep(job):
    Path(__file__).with_name(f"{job}.begun").touch()
    time.sleep(60)
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts the tests in the background has it ignored
    list(run_jobs(Work(sleep, lambda job: [job], str), [1, 2], Engine(workers=2)))
"""


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    parent = subprocess.Popen([sys.executable, tmp_path / "sleeper.py"], env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    try:
        workers = wait_for(lambda: [child for child in psutil.Process(parent.pid).children() if "spawn_main" in told(child)])
    finally:
        parent.kill()
        parent.wait()

    assert not psutil.wait_procs(workers, timeout=10)[1]


def test_an_interrupt_ends_jobs_that_take_minutes_at_once(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    here = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    parent = subprocess.Popen([sys.executable, tmp_path / "sleeper.py"], env=here, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: list(tmp_path.glob("*.begun")))
        workers = [child for child in psutil.Process(parent.pid).children() if "spawn_main" in told(child)]
        parent.send_signal(signal.SIGINT)
        parent.wait(timeout=20)
    finally:
        parent.kill()

    assert not psutil.wait_procs(workers, timeout=10)[1]


def told(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def wait_for(found: Callable[[], list[Any]]) -> list[Any]:
    for _ in range(200):
        both = found()
        if len(both) == 2:
            time.sleep(0.5)  # until they are at work
            return both
        time.sleep(0.1)
    raise AssertionError("the workers never started")
