"""The cluster: the engine's jobs as Ray tasks.

The driver is the stage itself, started on any node of the cluster. Every node sees the project's folder under the same path,
with the same packages installed; shards go to a folder that all share, or to an object store.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from asr.base.errors import DataError
from asr.jobs.work import Job, Result, Work, blame
from asr.machine.ray_cluster import connected

JOBS_PER_CPU = 4
"""Jobs in flight at a time: enough to keep every core busy, few enough that a million jobs are never queued."""

RETRIES = 2
"""Times that a job is tried again: one for a job that was killed, one for its node, which takes its jobs along when lost."""

MORE_MEMORY = "start the nodes with fewer `--num-cpus`"


def run_on_ray(work: Work[Job, Result], jobs: Iterable[Job], address: str) -> Iterator[tuple[Job, Result]]:
    """Yield each job with its result, as they end, from the cluster at `address`; `local` starts one on this machine alone.

    Raises:
        DataError: when Ray is not installed, when no cluster answers, or when a job kills its process each time.
    """
    ray = connected(address)
    task = ray.remote(max_retries=RETRIES, num_cpus=1)(_on_a_node)
    waiting = iter(jobs)
    running: dict[Any, Job] = {}
    while True:
        for job in islice(waiting, max(0, _in_flight(ray) - len(running))):
            running[task.remote(str(Path.cwd()), work.run, job)] = job
        if not running:
            return
        for reference in ray.wait(list(running))[0]:
            job = running.pop(reference)
            try:
                yield job, _result(ray, reference)
            except _killed(ray) as error:
                raise _find_culprit(ray, work, job) from error


def _find_culprit(ray: Any, work: Work[Job, Result], job: Job) -> DataError:
    once = ray.remote(max_retries=0, num_cpus=1)(_on_a_node)
    for piece in work.divide(job):
        try:
            _result(ray, once.remote(str(Path.cwd()), work.run, piece))
        except ray.exceptions.NodeDiedError:
            continue  # which is not the piece's fault
        except _killed(ray):
            return blame(work, job, piece, MORE_MEMORY)
    return blame(work, job, None, MORE_MEMORY)


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # Ray's own message is the worker's whole traceback; bad data has a line that says it all.
        if isinstance(error.cause, DataError):
            raise error.cause from None
        raise


def _killed(ray: Any) -> tuple[type[Exception], ...]:
    return ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError


def _on_a_node(folder: str, run: Callable[[Job], Result], job: Job) -> Result:
    os.chdir(folder)
    with threadpool_limits(limits=1):
        return run(job)


def _in_flight(ray: Any) -> int:
    return JOBS_PER_CPU * max(1, int(ray.cluster_resources().get("CPU", 1)))
