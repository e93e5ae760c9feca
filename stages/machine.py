"""The engine that machine.yaml asks for; apart from settings, so that stages without jobs don't depend on it."""

from asr.engine import Engine
from stages.settings import read_machine


def read_engine() -> Engine:
    """Where jobs run."""
    machine = read_machine()
    return Engine(machine.engine, machine.workers, machine.ray_address)
