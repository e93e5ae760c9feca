"""Check the whole of params.yaml and machine.yaml at once, before hours of work meet a misspelt key.

Not a stage of dvc.yaml: it writes nothing. Each stage checks the sections that it reads.
"""

from pathlib import Path, PurePath
from typing import Any

from pydantic import ConfigDict

from asr.base.errors import DataError
from asr.base.sections import Section
from asr.base.text import TIMESTAMP, Text
from asr.features.parameters import Augment, Features
from asr.features.sounds import folders, sound_files
from asr.model.parameters import Decode, Model
from asr.recordings.parameters import Data, ExtraSets, Filter, Split
from asr.report.parameters import Regression
from asr.training.recipe import Train
from stages.common.command import run
from stages.common.machine import read_machine
from stages.common.params import read_params, read_yaml

OUTPUT_FOLDERS = ("data/validated", "data/splits", "data/sets", "data/features", "models/whisper", "metrics")


class Evaluate(ExtraSets, Regression):
    """The section that two stages share, each with its own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Params(Section):
    """Every section there is."""

    data: Data
    filter: Filter
    split: Split
    text: Text
    features: Features
    augment: Augment
    model: Model
    train: Train
    decode: Decode
    evaluate: Evaluate


def main() -> None:
    """Check."""
    params = read_params(Params)
    read_machine()
    require_places(params.data)
    pipeline = read_yaml(Path("dvc.yaml"))
    require_declared(params.model.name, pipeline)
    require_sets(params.evaluate, pipeline)
    require_sounds(params.augment, pipeline)
    require_times_kept(params)


def require_places(data: Data) -> None:
    """The CSV and the audio exist, and no stage writes among the audio.

    Raises:
        DataError: naming the parameter.
    """
    for key, path, exists in (
        ("csv", data.csv, Path(data.csv).is_file()),
        ("audio_root", data.audio_root, Path(data.audio_root).is_dir()),
    ):
        if not exists:
            raise DataError(f"params.yaml: data.{key}: {path} does not exist")
    root = Path(data.audio_root).resolve()
    inside = [folder for folder in OUTPUT_FOLDERS if Path(folder).resolve().is_relative_to(root)]
    if inside:
        raise DataError(
            f"params.yaml: data.audio_root: {data.audio_root} holds {inside[0]}, which a stage writes; use a folder in it"
        )


def require_declared(model: str, pipeline: dict[str, Any]) -> None:
    """A base model in a folder is among the deps of the stages that read it, so that they re-run when it changes.

    Raises:
        DataError: naming the folder.
    """
    for stage in ("train", "baseline"):
        if Path(model).is_dir() and model not in pipeline["stages"][stage]["deps"]:
            raise DataError(
                f"params.yaml: model.name: add {model} to the deps of {stage} in dvc.yaml, so that a change is seen"
            )


def require_sets(evaluate: Evaluate, pipeline: dict[str, Any]) -> None:
    """The test sets exist, and their folders are among the deps of the stage that reads them.

    Raises:
        DataError: naming the set.
    """
    for name, csv in evaluate.sets.items():
        if not Path(csv).is_file():
            raise DataError(f"params.yaml: evaluate.sets.{name}: {csv} does not exist")
        folder = PurePath(csv).parent
        written = [output for output in OUTPUT_FOLDERS if PurePath(output).is_relative_to(folder)]
        if written:
            raise DataError(
                f"params.yaml: evaluate.sets.{name}: {folder} holds {written[0]}, which a stage writes; put the CSV and its "
                "audio into a folder of their own"
            )
        if not any(folder.is_relative_to(dep) for dep in pipeline["stages"]["sets"]["deps"]):
            raise DataError(
                f"params.yaml: evaluate.sets.{name}: add {folder} to the deps of sets in dvc.yaml, so that a change is seen"
            )


def require_sounds(augment: Augment, pipeline: dict[str, Any]) -> None:
    """The folders that augmentation reads hold audio, and are among the deps of the stage that reads them.

    Raises:
        DataError: naming the parameter and the folder.
    """
    deps = pipeline["stages"]["features_train"]["deps"]
    for key, folder in folders(augment).items():
        sound_files(key, folder)
        if f"${{augment.{key}}}" not in deps and not any(PurePath(folder).is_relative_to(dep) for dep in deps):
            raise DataError(
                f"params.yaml: augment.{key}: add {folder} to the deps of features_train in dvc.yaml, so that a change is seen"
            )


def require_times_kept(params: Params) -> None:
    """Timestamps in transcripts count from the start of the recording, which nothing may move.

    Raises:
        DataError: naming the parameter.
    """
    moving = [
        *(["features.trim_below_peak_db to null"] if params.features.trim_below_peak_db is not None else []),
        *(["augment.tempo_probability to 0"] if params.augment.tempo_probability else []),
    ]
    if not moving:
        return
    with Path(params.data.csv).open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if mark := TIMESTAMP.search(line):
                raise DataError(
                    f"{params.data.csv}:{number}: {mark[0]} counts from the start of the recording: set {' and '.join(moving)}"
                )


if __name__ == "__main__":
    run("check", __doc__, main)
