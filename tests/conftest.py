"""Before any test module imports torch: each process computes in one thread, and collects no garbage until all is imported."""

import gc
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest

gc.disable()
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def pytest_collection_finish() -> None:
    """What was imported stays."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def each_source_is_stripped_once() -> Iterator[None]:
    """Many tests ask for versions of the code, of the same files; to strip a source of comments takes milliseconds."""
    from asr.base import hashes

    with patch.object(hashes, "bare_code", cache(hashes.bare_code)):
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline has run once, which all tests share and none changes."""
    from tests.test_pipeline import make_finished, shared

    return shared(tmp_path_factory, "finished", make_finished)
