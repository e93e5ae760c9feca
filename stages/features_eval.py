"""Compute the log-mel features of the validation and test clips, as recorded.

Reads the audio lists and the audio; writes data/features/validation and data/features/test.
"""

from pathlib import Path

from asr.features import Extraction, extract
from asr.manifest import AudioEntry, read_rows
from stages.command import run
from stages.settings import StageParams, read_machine, read_params

LISTS = Path("data/splits/audio")
OUT = Path("data/features")
SPLITS = ("validation", "test")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    features: Extraction


def main() -> None:
    """Extract."""
    settings = read_params(Params).features
    for split in SPLITS:
        clips = read_rows(LISTS / f"{split}.jsonl", AudioEntry)
        extract(clips, OUT / split, settings, None, read_machine().workers)


if __name__ == "__main__":
    run("features_eval", __doc__, main, writes=[OUT / split for split in SPLITS])
