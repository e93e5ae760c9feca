"""The connection to a Ray cluster."""

import logging
import socket
from pathlib import Path
from typing import Any

from asr.base.errors import DataError


def connected(address: str) -> Any:
    """Connect to the cluster at `address`, and return the ray module.

    Raises:
        DataError: when Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise DataError("engine: ray needs Ray: pip install -r requirements-cluster.txt, on every node") from error
    if not ray.is_initialized():
        _require_answer(address)
        # The project is a folder of modules, not an installed package.
        environment = {"env_vars": {"PYTHONPATH": str(Path.cwd())}}
        try:
            ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_answer(address, error) from error
    return ray


def _require_answer(address: str) -> None:
    """Ask the address itself, as Ray would wait for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise _no_answer(address, error) from error


def _no_answer(address: str, error: Exception) -> DataError:
    return DataError(
        f"no Ray cluster answers at {address} ({error}); start one with `ray start --head`, or set ray_address in machine.yaml"
    )
