"""The engine: independent jobs on this machine's cores, results in the order of the jobs."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from threadpoolctl import threadpool_limits

from asr.errors import DataError

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Yield `function(job)` for each job, in order.

    Every job sees one thread, here or in a worker, so that a result has the same bits for any number of workers.

    Args:
        function: importable from its module, as it may run in another process.
        jobs: small values; the data itself is best read inside the job.
        workers: processes; with 1 the jobs run in this one.

    Raises:
        DataError: when a worker was killed.
    """
    if workers == 1 or len(jobs) <= 1:
        with threadpool_limits(limits=1):
            for job in jobs:
                yield function(job)
        return
    # Not fork: a forked copy of a process with threads (numpy, torch, arrow) can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=threadpool_limits, initargs=(1,)) as pool:
        try:
            yield from pool.map(function, jobs)
        except BrokenProcessPool as error:
            raise DataError(
                "a worker process was killed, most likely for want of memory; set fewer `workers` in machine.yaml"
            ) from error
