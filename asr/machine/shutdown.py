"""Shutdown: a process ends with the one that started it, and not before it has put its work away.

Killing `dvc repro` leaves its stage running as an orphan, and the next `dvc repro` starts a second beside it (measured with
DVC 3.67). So a stage asks the kernel for SIGTERM when its parent dies, and takes SIGTERM as a request, once. The parent must be
DVC itself: dvc.yaml starts the stage by `exec`, since DVC runs commands in a shell, and dash, unlike bash, stays in between
and outlives DVC.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
"""As in linux/prctl.h."""

STOP = "stop"
"""How ranks in other processes hear that they should end, in a run's folder."""


def end_with_parent() -> None:
    """Have SIGTERM sent to this process when its parent dies. Linux only; elsewhere nothing happens."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died in between
        os.kill(os.getpid(), signal.SIGTERM)


class StopRequest:
    """The request that a run should end, made by SIGTERM or Ctrl-C; the second time, the process ends at once."""

    def __init__(self, file: Path) -> None:
        """`file` is how ranks in other processes hear of it."""
        self._file = file
        self.signal: signal.Signals | None = None

    @property
    def is_made(self) -> bool:
        """Whether the request was made, here or in the process that listens."""
        return self.signal is not None or self._file.exists()

    def listen(self) -> None:
        """Take SIGINT and SIGTERM from now on."""
        self._file.unlink(missing_ok=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        with suppress(FileNotFoundError):  # the run is done, and its folder removed
            self._file.touch()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        print("train: ends once a checkpoint is saved, or in validation without one; again to stop at once", file=sys.stderr)
