"""Check the whole of params.yaml and machine.yaml at once, before hours of work meet a misspelt key.

Not a stage of dvc.yaml: it writes nothing. Each stage checks the sections that it reads.
"""

from pathlib import Path

from asr.augment import Augment
from asr.clips import Data
from asr.errors import DataError
from asr.evaluation import Decode
from asr.features import Extraction
from asr.params import Section
from asr.splits import Filter, Split
from asr.text import Text
from asr.training import Train
from asr.whisper import Model
from stages.command import run
from stages.settings import read_machine, read_params


class Params(Section):
    """Every section there is."""

    data: Data
    filter: Filter
    split: Split
    text: Text
    features: Extraction
    augment: Augment
    model: Model
    train: Train
    decode: Decode


def main() -> None:
    """Check."""
    data = read_params(Params).data
    read_machine()
    for key, path, exists in (
        ("csv", data.csv, Path(data.csv).is_file()),
        ("audio_root", data.audio_root, Path(data.audio_root).is_dir()),
    ):
        if not exists:
            raise DataError(f"params.yaml: data.{key}: {path} does not exist")


if __name__ == "__main__":
    run("check", __doc__, main)
