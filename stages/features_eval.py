"""Compute the log-mel features of the validation and test clips and those of evaluate.sets, as recorded.

Reads the audio lists and the audio; writes data/features/validation, data/features/test and data/features/sets.
"""

from pathlib import Path

from asr.extraction import AS_RECORDED, Extraction
from asr.features import extract
from asr.manifest import AudioEntry, count_rows, iterate_rows
from stages.command import run
from stages.machine import read_engine
from stages.settings import StageParams, read_machine, read_params

SPLITS = Path("data/splits/audio")
OUT = Path("data/features")
LISTS = {"validation": SPLITS / "validation.jsonl", "test": SPLITS / "test.jsonl", "sets": Path("data/sets/audio.jsonl")}


class Params(StageParams):
    """What this stage reads of params.yaml."""

    features: Extraction


def main() -> None:
    """Extract."""
    settings = read_params(Params).features
    for name, listed in LISTS.items():
        clips = iterate_rows(listed, AudioEntry)
        cache = read_machine().cache_folder
        extract(clips, count_rows(listed), OUT / name, settings, AS_RECORDED, cache, read_engine())


if __name__ == "__main__":
    run("features_eval", __doc__, main, writes=[OUT / name for name in LISTS])
