"""The allocator: memory that is freed is kept for the next request."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""As in glibc's malloc.h."""

KEPT_BYTES = 128 * 2**20


def keep_memory() -> None:
    """Let glibc keep what is freed: the arrays of one clip would be given back, and faulted in again for the next."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
