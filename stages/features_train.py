"""Compute the log-mel features of the training clips, augmented.

Reads the audio list and the audio; writes data/features/train.
"""

from functools import partial
from pathlib import Path

from asr.augment import Augment, augment
from asr.features import Extraction, extract
from asr.manifest import AudioEntry, read_rows
from stages.command import run
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
    change = partial(augment, copy=1, settings=params.augment)
    extract(read_rows(CLIPS, AudioEntry), OUT, params.features, change, read_machine().workers)


if __name__ == "__main__":
    run("features_train", __doc__, main, writes=(OUT,))
