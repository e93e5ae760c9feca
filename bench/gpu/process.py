"""A part in a process of its own, so that one that fails, crashes or hangs takes nothing with it. Imports nothing heavy.

Processes are forked from one that has imported the libraries and done nothing with them: importing takes seconds, which every
part would pay again.
"""

import importlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from asr.machine.shutdown import end_with_parent
from bench.gpu.plan import Found, Part

PRELOADED = "bench.gpu.preload"
FOUND, LOG = "found.json", "log"
LOG_CHARACTERS = 2000


def outcome(part: Part, seconds: float) -> Found:
    """Do a part, for at most so many seconds."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([PRELOADED])
    with tempfile.TemporaryDirectory() as name:
        folder, start = Path(name), time.perf_counter()
        process = processes.Process(target=_work, args=(part, str(folder)))
        process.start()
        try:
            process.join(seconds)
            hung = process.exitcode is None
        finally:
            _kill_group(process)
        found = _read(folder, process.exitcode or 0, seconds if hung else None)
        return replace(found, seconds=time.perf_counter() - start)


def _kill_group(process: Any) -> None:
    """What the part has started goes with it, such as a compiler."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # it may not have had the time for a group of its own
    process.join()


def _read(folder: Path, code: int, limit: float | None) -> Found:
    path, log = folder / FOUND, folder / LOG
    if limit is None and code == 0 and path.exists():
        return Found(**json.loads(path.read_text(encoding="utf-8")))
    text = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    last = text.splitlines()[-1].strip() if text else ""
    if limit is not None:
        how = f"stopped after {limit:.0f} s"
    elif code < 0:
        how = f"ended by {signal.Signals(-code).name}"
    elif code:
        how = ""
    else:
        how = "ended without a result"
    return Found("no", ": ".join(filter(None, (how, last))), {}, log=text[-LOG_CHARACTERS:])


def _work(part: Part, folder: str) -> None:
    """In the child."""
    os.setpgid(0, 0)
    end_with_parent()
    with Path(folder, LOG).open("w") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    _afresh_where_forking_spoils_the_gpu(part, folder)
    try:
        module, function = part.work.split(":")
        found = getattr(importlib.import_module(module), function)(part.shape, part.option)
        Path(folder, FOUND).write_text(json.dumps(asdict(found)), encoding="utf-8")
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    sys.stderr.flush()


def _afresh_where_forking_spoils_the_gpu(part: Part, folder: str) -> None:
    """Where a library asks for GPUs as it is imported, CUDA refuses to work in a forked process."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda._is_in_bad_fork():
        os.execv(sys.executable, [sys.executable, "-m", "bench.gpu.process", json.dumps(asdict(part)), folder])


if __name__ == "__main__":
    _work(Part(**json.loads(sys.argv[1])), sys.argv[2])
