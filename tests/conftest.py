"""Before any test module imports torch: each process computes in one thread, and collects no garbage until all is imported."""

import gc
import os
from pathlib import Path

import pytest

gc.disable()
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def pytest_collection_finish() -> None:
    """What was imported stays."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline has run once, which all tests share and none changes."""
    from tests.test_pipeline import make_finished, shared

    return shared(tmp_path_factory, "finished", make_finished)
