"""The settings that benches start from: those of params.yaml."""

from pathlib import Path
from typing import Any

from asr.base.sections import parse
from asr.base.text import Normalization, Speech, Text
from asr.training.recipe import Train
from stages.common.params import read_yaml

HOME = Path(__file__).parents[1]

EFFECTIVE_BATCH = 64
"""The article's 4 x 16."""


def stage_settings(**set_here: Any) -> Train:
    """Of params.yaml, but for what a bench sets."""
    return parse(Train, {**read_yaml(HOME / "params.yaml")["train"], **set_here}, "params.yaml")


def normalization() -> Normalization:
    """Of params.yaml."""
    params = read_yaml(HOME / "params.yaml")
    return Normalization.of(parse(Text, params["text"], "params.yaml"), parse(Speech, params["model"], "params.yaml"))
