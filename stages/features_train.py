"""Compute the log-mel features of the training clips, augmented.

Reads the audio list and the audio; writes data/features/train.
"""

from functools import partial
from pathlib import Path

import asr.augment
from asr.augment import Augment, augment, content, variants
from asr.code import code_version
from asr.extraction import Extraction, Variants
from asr.features import extract
from asr.manifest import AudioEntry, count_rows, iterate_rows
from stages.command import run
from stages.machine import read_engine
from stages.settings import StageParams, read_machine, read_params

CLIPS = Path("data/splits/audio/train.jsonl")
OUT = Path("data/features/train")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    features: Extraction
    augment: Augment


def main() -> None:
    """Extract."""
    params = read_params(Params)
    clips = iterate_rows(CLIPS, AudioEntry)
    cache = read_machine().cache_folder
    extract(clips, count_rows(CLIPS), OUT, params.features, changes(params.augment), cache, read_engine())


def changes(settings: Augment) -> Variants:
    """What is stored of each clip."""
    version = code_version([asr.augment], ["audiomentations", "fast-mp3-augment", "python-stretch"])
    return Variants(tuple(variants(settings)), partial(augment, settings=settings), f"{version} {content(settings)}")


if __name__ == "__main__":
    run("features_train", __doc__, main, writes=(OUT,))
