"""The file of inspections: outside of the outputs, so that audio that has been inspected once is not decoded again."""

from pathlib import Path

from stages.common.machine import at_home

INSPECTIONS = Path(".cache/inspections.sqlite")


def inspections_file() -> Path:
    """Find the file; an experiment's copy shares its project's."""
    return at_home(INSPECTIONS)
