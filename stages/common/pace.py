"""How fast the training clips are said at most, which stage split writes down for all that decode."""

from pathlib import Path

from asr.base.files import read_json, reading
from asr.model.limits import Pace

PACE = Path("data/splits/pace.json")


def read_pace() -> Pace:
    """Read it."""
    values = read_json(PACE)
    with reading(PACE):
        return Pace(**values)
