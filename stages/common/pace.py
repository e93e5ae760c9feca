"""How fast the training clips are said at most, which stage split writes down for all that decode."""

import json
from pathlib import Path

from asr.model.limits import Pace

PACE = Path("data/splits/pace.json")


def read_pace() -> Pace:
    """Read it."""
    return Pace(**json.loads(PACE.read_text(encoding="utf-8")))
