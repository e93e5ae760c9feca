"""Work: what is done with each job of many, and how to find the job that kills its process."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from asr.base.errors import DataError

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Work(Generic[Job, Result]):
    """What is done with each job.

    `run` and what it carries must be importable in another process. `divide` gives the smallest jobs that a job consists
    of, and `name` says what a smallest job is about, to find the one that kills its process.
    """

    run: Callable[[Job], Result]
    divide: Callable[[Job], Iterable[Job]]
    name: Callable[[Job], str]


def blame(work: Work[Job, Result], job: Job, culprit: Job | None, more_memory: str) -> DataError:
    """The error that names the piece of `job` that kills its process, or the whole when no piece does so alone."""
    killed = f"was killed each time; remove it, or if it is merely large, give each worker more memory: {more_memory}"
    if culprit is not None:
        return DataError(f"{work.name(culprit)}: the process that worked on it {killed}")
    names = [work.name(piece) for piece in work.divide(job)]
    return DataError(f"the process that worked on {names[0]} to {names[-1]} {killed}")
