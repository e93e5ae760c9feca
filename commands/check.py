"""Check the whole of params.yaml and machine.yaml at once, before hours of work meet a misspelt key.

Not a stage of dvc.yaml: it writes nothing. Each stage checks the sections that it reads. It also warns where a stage's results
were made with other versions of the packages than are installed now.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from asr.base.errors import DataError
from asr.base.sections import Section
from asr.base.text import Text
from asr.base.versions import changes, versions
from asr.export.parameters import WINDOW_SECONDS
from asr.export.parameters import Export as ExportFormat
from asr.features.parameters import Augment, Features
from asr.features.sounds import folders, sound_files
from asr.machine.gpu import gpu_line
from asr.model.description import describe, mistakes
from asr.model.hub import commit_of
from asr.model.parameters import Decode, Model
from asr.recordings.parameters import Data, ExtraSets, Filter, Split
from asr.report.parameters import Export as ExportLimit
from asr.report.parameters import Regression
from asr.training.recipe import Train
from asr.usage.parameters import Usage
from commands.remote import unverified_remote
from commands.tracking import Elsewhere, elsewhere, linked_folders, tracker, unlisted_changes
from stages.common.command import begin, run
from stages.common.commit import BASE, kept_commit
from stages.common.machine import Machine, read_machine
from stages.common.params import PARAMS, read_params, read_yaml

OUTPUT_FOLDERS = tuple(
    "data/validated data/splits data/sets data/mix data/features data/recordings models/whisper models/export metrics".split()
)
WRITTEN = {
    "train": Path("metrics/train/summary.json"),
    "baseline": Path("metrics/baseline/scores.json"),
    "evaluate": Path("metrics/evaluate/scores.json"),
    "export": Path("metrics/export/summary.json"),
}
"""Where stages say which versions they were made with."""


class Evaluate(ExtraSets, Regression):
    """The section that two stages share, each with its own keys."""

    model_config = Section.model_config


class Export(ExportFormat, ExportLimit):
    """Likewise."""

    model_config = Section.model_config


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
    export: Export
    usage: Usage


def main() -> None:
    """Check, and say all that is wrong."""
    params, machine, pipeline = read_params(Params), read_machine(), read_yaml(Path("dvc.yaml"))
    away = elsewhere()
    found = [f"{PARAMS}: {problem}" for problem in problems(params, machine, pipeline, away)]
    found += [*unlisted_changes(places(params), away.remote), *unverified_remote()]
    if found:
        raise DataError("\n".join(found))
    for line in filter(None, (gpu_line(machine.require_gpu), *other_versions())):
        print(f"check: {line}", file=sys.stderr)


def problems(params: Params, machine: Machine, pipeline: dict[str, Any], away: Elsewhere) -> Iterator[str]:
    """Name all that would stop a stage later, each with the parameter to change."""
    yield from missing_places(params.data, away)
    yield from undeclared_model(params.model.name, pipeline)
    yield from unusable_tables(tables(params), pipeline, away)
    yield from unusable_sounds(params.augment, pipeline, away)
    if not away.is_absent(params.model.name):
        yield from unsuitable_model(params, away)
    yield from unsuitable_device(params.train, machine)
    yield from moved_times(params)


def places(params: Params) -> list[str]:
    """The files and folders of the user's that the stages read."""
    others = [folder_of(table).as_posix() for _, table, _ in tables(params)]
    return [params.data.csv, params.data.audio_root, *others, *folders(params.augment).values(), params.model.name]


def tables(params: Params) -> Iterator[tuple[str, str, str]]:
    """The tables besides data.csv: of each the key that names it, its path, and the stage that reads it."""
    yield from ((f"evaluate.sets.{name}", csv, "sets") for name, csv in params.evaluate.sets.items())
    if params.train.mix.csv is not None:
        yield "train.mix.csv", params.train.mix.csv, "mix"


def folder_of(table: str) -> PurePath:
    """The folder in which a table's paths start: the one that it is in, or the table itself where it is one."""
    return PurePath(table) if Path(table).is_dir() else PurePath(table).parent


def missing_places(data: Data, away: Elsewhere) -> Iterator[str]:
    """Ask that the table and the audio exist, that DVC sees all of it, and that no stage writes among the audio."""
    if not Path(data.csv).exists() and not away.is_absent(data.csv):
        yield f"data.csv: {missing(data.csv)}"
    if not Path(data.audio_root).is_dir() and not away.is_absent(data.audio_root):
        yield f"data.audio_root: {missing(data.audio_root)}"
    root = Path(data.audio_root).resolve()
    inside = [folder for folder in OUTPUT_FOLDERS if Path(folder).resolve().is_relative_to(root)]
    if inside:
        yield f"data.audio_root: {data.audio_root} holds {inside[0]}, which a stage writes; use a folder in it"
    else:
        yield from hidden("data.audio_root", data.audio_root)


def missing(path: str) -> str:
    """Say that something isn't here, and whether a remote would help."""
    file = tracker(path)
    fetched = f"; {file} tracks it, so set a default remote to fetch it from (docs/remotes.md)" if file else ""
    return f"{path} does not exist{fetched}"


def hidden(key: str, folder: str) -> Iterator[str]:
    """Ask that no folder within is a link: DVC would see no change in it, keep no copy of it, and fetch none elsewhere."""
    if link := next(linked_folders(folder), None):
        yield f"{key}: {link} is a link to a folder, into which DVC doesn't look: put the folder itself there, or a copy"


def undeclared_model(model: str, pipeline: dict[str, Any]) -> Iterator[str]:
    """Ask that a base model in a folder is among the deps of the stages that read it, so that they re-run when it changes."""
    for stage in ("listen", "train", "baseline"):
        if Path(model).is_dir() and model not in pipeline["stages"][stage]["deps"]:
            yield f"model.name: add {model} to the deps of {stage} in dvc.yaml, so that a change is seen"


def unusable_tables(named: Iterable[tuple[str, str, str]], pipeline: dict[str, Any], away: Elsewhere) -> Iterator[str]:
    """Ask that tables exist, and that their folders are among the deps of the stage that reads them."""
    for key, csv, stage in named:
        folder = folder_of(csv)
        written = [output for output in OUTPUT_FOLDERS if PurePath(output).is_relative_to(folder)]
        if not Path(csv).exists() and not away.is_absent(csv) and not away.is_absent(str(folder)):
            yield f"{key}: {missing(csv)}"
        elif written:
            yield f"{key}: {folder} holds {written[0]}, which a stage writes; give the CSV and its audio a folder of their own"
        elif not any(folder.is_relative_to(dep) for dep in pipeline["stages"][stage]["deps"]):
            yield f"{key}: add {folder} to the deps of {stage} in dvc.yaml, so that a change is seen"
        else:
            yield from hidden(key, str(folder))


def unusable_sounds(augment: Augment, pipeline: dict[str, Any], away: Elsewhere) -> Iterator[str]:
    """Ask that the folders that augmentation reads hold audio, and are among the deps of the stage that reads them."""
    deps = pipeline["stages"]["features_train"]["deps"]
    for key, folder in folders(augment).items():
        if not away.is_absent(folder):
            yield from said_by(lambda key=key, folder=folder: sound_files(key, folder))  # type: ignore[misc]
            yield from hidden(f"augment.{key}", folder)
        if f"${{augment.{key}}}" not in deps and not any(PurePath(folder).is_relative_to(dep) for dep in deps):
            yield f"augment.{key}: add {folder} to the deps of features_train in dvc.yaml, so that a change is seen"


def unsuitable_model(params: Params, away: Elsewhere) -> Iterator[str]:
    """Ask that the model can be had, and takes the features and the clips; say which commit of the hub it is."""
    model = params.model
    try:
        commit = kept_commit(model) or commit_of(model.name, model.revision)
        found = describe(model.name, commit)
    except DataError as error:
        yield str(error)
        return
    if commit and not away.is_absent(str(BASE)):  # the last run's may be fetched
        print(f"check: {model.name} is commit {commit}", file=sys.stderr)
    most = params.filter.max_seconds
    slowest = min(params.augment.tempo_min, 1.0) if params.augment.tempo_probability else 1.0
    yield from mistakes(found, params.model, params.features.n_mels, most / slowest)
    if found.is_multilingual and model.language is None:
        print(f"check: {model.name} is multilingual and model.language is null: each clip has to have its own", file=sys.stderr)
    if params.export.quantization and found.window_seconds != WINDOW_SECONDS:
        yield (
            f"export.quantization: faster-whisper knows windows of {WINDOW_SECONDS} s only, the model's is "
            f"{found.window_seconds:g} s: set it to null"
        )
    if most < found.window_seconds:
        told = f"drops clips from {most:g} s on; the model's window holds {found.window_seconds:g} s"
        print(f"check: filter.max_seconds {told}", file=sys.stderr)


def unsuitable_device(train: Train, machine: Machine) -> Iterator[str]:
    """Ask that what is wanted by name is there. On a cluster another machine trains, which says so itself."""
    if machine.engine == "ray" and machine.train_ranks > 1:
        return
    if (precision := train.precision) in ("fp16", "bf16"):
        from asr.machine.device import pick_device, require_precision  # here, as torch takes seconds

        yield from said_by(lambda: require_precision(precision, pick_device()))
    if train.optimizer != "adamw":
        from asr.training.optimizer import require_optimizer

        yield from said_by(lambda: require_optimizer(train.optimizer))


def moved_times(params: Params) -> Iterator[str]:
    """Ask that nothing moves the start of a recording, from which timestamps count, where these are learned."""
    moving = [
        *(["features.trim_below_peak_db to null"] if params.features.trim_below_peak_db is not None else []),
        *(["augment.tempo_probability to 0"] if params.augment.tempo_probability else []),
    ]
    if params.text.timestamps == "keep" and moving:
        yield f"text.timestamps: times count from the start of a recording: set {' and '.join(moving)}"


def said_by(look: Callable[[], object]) -> Iterator[str]:
    """The message of the error that the look raises, if it raises one."""
    try:
        look()
    except DataError as error:
        yield str(error)


def other_versions() -> Iterator[str]:
    """Name the stages whose results were made with other packages than are here now. They are not run again for that."""
    for stage, path in WRITTEN.items():
        with suppress(OSError, ValueError, KeyError):  # it has not run, or was of an earlier version of this project
            recorded = json.loads(path.read_text(encoding="utf-8"))["versions"]
            if other := changes(recorded, versions(list(recorded))):
                yield f"{stage} was made with other packages: {', '.join(other)}; `dvc repro -f -s {stage}` makes it anew"


if __name__ == "__main__":
    begin(__doc__)
    run("check", main)
