"""What `bench.gpu` does, in the order of its worth. Imports nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["yes", "no", "-"]
"""It works; it failed, crashed or hung; it was not tried."""

NO_TIME_LEFT = "no time left"

FIRST_SHAPES = ("small", "large-v3")
CAPABILITIES_SHAPE = "tiny"

LEAST_SECONDS = 30.0
"""That a part is given however little time is left."""

SPEED = {
    "the guide's settings": ("bench.gpu.speed:guide", ""),
    "training, full": ("bench.gpu.speed:training", "full"),
    "training, fit": ("bench.gpu.speed:training", "fit"),
    "decoding, full": ("bench.gpu.speed:decoding", "full"),
    "decoding, fit": ("bench.gpu.speed:decoding", "fit"),
}
"""The rows of a shape's table: what does the work, and the window."""

CAPABILITIES = {
    "fp32": 90.0,
    "bf16": 90.0,
    "fp16": 90.0,
    "fp16_scaler": 90.0,
    "training_halves": 120.0,
    "decoding_halves": 120.0,
    "decoding_windows": 90.0,
    "weight_cache": 90.0,
    "activation_checkpointing": 90.0,
    "lora": 90.0,
    "adamw_8bit": 90.0,
    "torch_compile": 240.0,
}
"""Functions of bench/gpu/capabilities.py, and seconds that each may take."""


@dataclass(frozen=True)
class Part:
    """One row.

    Attributes:
        table: that it belongs to.
        name: of the row.
        work: what does it, as module:function, given `shape` and `option`.
        shape: of the model.
        option: such as the window.
        seconds: that it may take at most.
    """

    table: str
    name: str
    work: str
    shape: str
    option: str = ""
    seconds: float = 180.0


@dataclass(frozen=True)
class Found:
    """What came of a part: whether it works, what there is to say, its figures, and the end of the log of one that failed."""

    state: State
    said: str
    figures: dict[str, Any]
    seconds: float = 0.0
    log: str = ""


SKIPPED = Found("-", NO_TIME_LEFT, {})


def planned(shapes: Sequence[str]) -> list[Part]:
    """Every part: the device, the speed of small and large-v3 where they are asked for, capabilities, the other shapes.

    Capabilities are looked at on the tiny shape; on pico when that is asked for, as a CPU takes a minute for tiny.
    """
    looked_at = "pico" if "pico" in shapes else CAPABILITIES_SHAPE
    first = [shape for shape in FIRST_SHAPES if shape in shapes]
    others = [shape for shape in dict.fromkeys(shapes) if shape not in FIRST_SHAPES]
    capabilities = [
        Part("Capabilities", name.replace("_", " "), f"bench.gpu.capabilities:{name}", looked_at, seconds=seconds)
        for name, seconds in CAPABILITIES.items()
    ]
    return [
        Part("Device", "device", "bench.gpu.capabilities:device", looked_at, seconds=90.0),
        *(part for shape in first for part in speed_parts(shape)),
        *capabilities,
        *(part for shape in others for part in speed_parts(shape)),
    ]


def speed_parts(shape: str) -> list[Part]:
    """A shape's speed."""
    return [Part(f"Speed, {shape}", name, work, shape, option) for name, (work, option) in SPEED.items()]


def allowed(part: Part, left: float) -> float:
    """Seconds for a part when so many are left; 0: it is not begun."""
    return min(part.seconds, max(left, LEAST_SECONDS)) if left > 0 else 0.0
