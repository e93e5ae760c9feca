"""Programs that a command calls, for which `dvc` and `python` are those of this environment."""

import os
import subprocess
import sys
from pathlib import Path

from asr.base.errors import DataError


def surroundings() -> dict[str, str]:
    """The environment that programs get. OpenMP's threads sleep in it while they wait: spinning, two trainings on the same two
    cores have a tenth of their speed each (tiny shape: 4 clips/s, alone 50), and sleeping, a half (23 to 29, alone 49).
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"GOMP_SPINCOUNT": "0", **os.environ, "PATH": path}


def output(*command: str, text: str | None = None) -> str:
    """Run a program and give what it prints.

    Args:
        command: its name and arguments.
        text: what it reads.

    Raises:
        DataError: when it isn't there or fails, with what it said.
    """
    called = f"`{' '.join(command)}`"
    try:
        ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=surroundings())
    except FileNotFoundError as error:
        raise DataError(f"{called} failed: install {command[0]}") from error
    if ended.returncode != 0:
        raise DataError(f"{called} failed: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout.strip()
