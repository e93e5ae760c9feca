"""Before any test module imports torch: each process computes in one thread, and collects no garbage until all is imported."""

import gc
import os

gc.disable()
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def pytest_collection_finish() -> None:
    """What was imported stays."""
    gc.freeze()
    gc.enable()
