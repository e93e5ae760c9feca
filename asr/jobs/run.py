"""The engine: independent jobs on all cores of this machine, or on a Ray cluster.

A job that takes its process down with it (out of memory, killed, a crash in a decoder) is run once more, alone. When that
kills the process too, the job is divided until the piece is found that does, and the run ends with its name.
"""

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

from threadpoolctl import threadpool_limits

from asr.base.errors import DataError
from asr.jobs.work import Job, Result, Work, blame
from asr.machine.allocator import keep_memory
from asr.machine.engine import Engine

JOBS_WAITING = 2
"""Jobs handed to a worker ahead of time, so that it never waits for this process."""

_idle: ContextVar[list[ProcessPoolExecutor] | None] = ContextVar("idle", default=None)


@contextmanager
def same_workers() -> Iterator[None]:
    """Within this, what `run_jobs` is given one after the other is done by the same processes, whose imports take seconds."""
    idle: list[ProcessPoolExecutor] = []
    outer = _idle.set(idle)
    try:
        yield
    finally:
        _idle.reset(outer)
        for pool in idle:
            pool.shutdown()


def run_jobs(work: Work[Job, Result], jobs: Iterable[Job], engine: Engine) -> Iterator[tuple[Job, Result]]:
    """Yield each job with its result, as they end.

    Every job sees one thread, wherever it runs, so that a result has the same bits for any number of workers.

    Args:
        work: what is done with each job.
        jobs: small values, taken one by one as workers become free; the data itself is best read inside the job.
        engine: where the jobs run.

    Raises:
        DataError: when a job kills its process twice.
    """
    if engine.kind == "ray":
        from asr.jobs.cluster import run_on_ray

        yield from run_on_ray(work, jobs, engine.address)
        return
    if engine.workers == 0:
        with threadpool_limits(limits=1):
            for job in jobs:
                yield job, work.run(job)
        return
    waiting = iter(jobs)
    while lost := (yield from _until_a_worker_dies(work.run, waiting, engine.workers)):
        yield from _one_by_one(work, lost)


def _until_a_worker_dies(
    run: Callable[[Job], Result], jobs: Iterator[Job], workers: int
) -> Generator[tuple[Job, Result], None, list[Job]]:
    """Yield results; return the jobs whose results are lost with a pool that broke, of which at least one broke it."""
    running: dict[Future[Result], Job] = {}
    lost: list[Job] = []
    is_whole = False
    idle = _idle.get()
    pool = idle.pop() if idle else _pool(workers)
    try:
        while not lost or running:
            for job in islice(jobs, 0 if lost else JOBS_WAITING * workers - len(running)):
                try:
                    running[pool.submit(run, job)] = job
                except BrokenProcessPool:
                    lost.append(job)
                    break
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(job)
                    continue
                yield job, result
        is_whole = not lost
    except (KeyboardInterrupt, GeneratorExit):
        # Nobody waits for what they are doing: a job may take minutes, and what is done of it is done again.
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        if is_whole and idle is not None:
            idle.append(pool)
        else:
            # After an error, waiting jobs are not waited for. The pool's thread is, or Python 3.11 may trip over it at exit.
            pool.shutdown(cancel_futures=True)
    return lost


def _one_by_one(work: Work[Job, Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
    """Run jobs that may have killed their processes, so that the one that does it again is known."""
    with _pool(1) as pool:
        for job in jobs:
            try:
                result = pool.submit(work.run, job).result()
            except BrokenProcessPool as error:
                raise blame(work, job, _culprit(work, job), "fewer `workers` in machine.yaml") from error
            yield job, result


def _culprit(work: Work[Job, Result], job: Job) -> Job | None:
    with _pool(1) as pool:
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise DataError("a worker process ends before it has done anything; is there memory left?") from error
        for piece in work.divide(job):
            try:
                pool.submit(work.run, piece).result()
            except BrokenProcessPool:
                return piece
    return None


def _pool(workers: int) -> ProcessPoolExecutor:
    # Not fork: a forked copy of a process with threads (numpy, torch, arrow) can hang.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)


def _start_worker() -> None:
    threadpool_limits(limits=1)
    keep_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends when their jobs have
    threading.Thread(target=_end_with_parent, daemon=True).start()
    atexit.register(os._exit, 0)  # whoever waits for the end would wait for half a second of tidying up


def _end_with_parent() -> None:
    """End this worker when its parent is killed: the pool would let it wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
