"""Tune the base model on the training clips; take the weights with the lowest error rate on the validation split.

Reads features and transcripts of train, validation and train.mix, and of the clips of general sets that are there to choose by,
and the features of clips without speech; writes models/whisper, a checkpoint that transformers loads, and metrics/train:
curves.csv, validation.csv, search.csv (the learning rates that were tried), keeping.csv (the shares of the base model's weights
that were) and summary.json. TensorBoard's events are the machine's, outside of the outputs.

Checkpoints are kept outside of the outputs, in a folder of their own for every run that differs in its parameters, data, base
model, code or packages. A run that was killed goes on from its last one; a run that is done removes them.
"""

from asr.machine.shutdown import StopRequest
from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

import asr
import stages.learning
from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.base.files import write_csv, write_json
from asr.base.hashes import code_version, files_of, fingerprint
from asr.base.rates import Metric
from asr.base.sections import Section
from asr.base.text import Normalization, Text
from asr.base.versions import LEARNING, versions
from asr.machine.ray_cluster import connected
from asr.model.parameters import Model
from asr.model.whisper import load
from asr.ranks.group import rank_and_ranks
from asr.ranks.launch import run_ranks
from asr.shards.format import MANIFEST
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import Examples
from asr.training.callbacks import StoppedError
from asr.training.checkpoints import STOP, OtherRun, checked, claimed, newest, note_facts, other_runs, remove
from asr.training.history import COLUMNS, DIARY_COLUMNS, Diary, curves, outcome
from asr.training.labels import require_timestamps_suit, without_speech
from asr.training.memory import require_disk
from asr.training.optimizer import require_optimizer
from asr.training.recipe import Train
from asr.training.run import Trained, train
from asr.training.validation import Validator
from asr.tuning.keeping import Point
from asr.tuning.search import COLUMNS as SEARCH_COLUMNS
from asr.tuning.tune import Tuned, tune
from stages.common.commit import base_commit
from stages.common.machine import Machine, read_machine
from stages.common.pace import PACE, read_pace
from stages.common.params import StageParams, read_params
from stages.common.speeds import write_speeds
from stages.learning import (
    FEATURES,
    GENERAL,
    GENERAL_TEXTS,
    HEARD,
    MIX,
    MIX_TEXTS,
    NON_SPEECH,
    SPLITS,
    TEXTS,
    read_general,
    read_learned,
    read_split,
)

MODEL = Path("models/whisper")
OUT = Path("metrics/train")
SUMMARY = OUT / "summary.json"


class Trimming(Section):
    """How clips were trimmed, which the checkpoint tells those who use it."""

    model_config = ConfigDict(extra="ignore")

    trim_below_peak_db: float | None


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Model
    train: Train
    text: Text
    features: Trimming


def main() -> None:
    """Train, here or in the ranks of a cluster."""
    params, machine = read_params(Params), read_machine()
    require_optimizer(params.train.optimizer)
    require_ranks(params.train, machine)
    facts = run_facts(params)
    folder = machine.checkpoint_folder / fingerprint(facts, [])
    stop = StopRequest(folder / STOP)
    with claimed(folder):
        if checkpoint := checked(folder):
            print(f"train: goes on from {checkpoint}", file=sys.stderr)
        else:
            say_what_is_not_gone_on_with(other_runs(folder, facts))
        note_facts(folder, facts)
        address = machine.ray_address if machine.engine == "ray" else None
        if address is not None:
            connected(address)  # before listening, as Ray takes SIGTERM for itself
        if address is not None or machine.train_ranks > 1:
            stop.listen()
            # By its name, so that a rank can import it.
            from stages.train import learn as learn_there

            run_ranks(partial(learn_there, folder, machine), machine.train_ranks, address, folder)
        else:
            stop.listen()
            learn(folder, machine, stop)
        if not SUMMARY.exists():
            kept = newest(folder)
            what = f"goes on from its checkpoint in {kept}" if kept else "has no checkpoint yet, and begins anew"
            print(f"train: stopped; the same run {what}", file=sys.stderr)
            sys.exit(128 + (stop.signal or signal.SIGTERM))
        remove(folder)


def learn(folder: Path, machine: Machine, stop: StopRequest | None = None) -> None:
    """Train in this process, as one rank or the only one; rank 0 writes what comes of it.

    Args:
        folder: of the run.
        machine: how to compute; a rank does not see the environment of the process that started it.
        stop: asks the run to end early; without one, it is asked for in the process that started this.
    """
    params = read_params(Params)
    commit = base_commit(params.model)
    whisper = load(params.model.name, params.model.language, params.model.task, commit)
    mode = params.train.mode(whisper.window_frames, whisper.is_fitted)
    # Both splits are checked before the first step.
    learned = read_learned(whisper, machine.cache_folder)
    examples = learned.examples
    spoken = (len(frames) for frames, text in zip(examples.frames, examples.continuations, strict=True) if text)
    whisper.mark_longest_clip((whisper.window_frames if mode == "pack" else max(spoken)) / FRAMES_PER_SECOND)
    told = f"{len(without_speech(examples))} of them without speech, {learned.mixed} mixed in"
    print(f"train: {len(examples)} clips, {told}", file=sys.stderr)
    whisper.mark_trimming(params.features.trim_below_peak_db)
    validation, texts = read_split("validation", whisper, machine.cache_folder)
    stop = stop or StopRequest(folder / STOP)

    def judged_by(clips: Examples, said: Sequence[TextEntry]) -> Validator:
        normalization = Normalization.of(params.text, params.model)
        return Validator(
            whisper, clips, [text.path for text in said], [text.text for text in said], normalization, read_pace(), stop
        )

    def training(examples: Examples, validator: Validator, settings: Train, place: Path) -> Trained:
        is_final = place == folder
        return train(
            whisper,
            examples,
            validator,
            settings,
            place,
            machine.tensorboard_folder / folder.name if is_final else None,
            stop,
            machine.checkpoint_minutes,
            machine.loader_workers,
            machine.report_to if is_final else (),
            measures_base=is_final,
        )

    validator = judged_by(validation, texts)
    general = {name: judged_by(*part) for name, part in read_general(whisper, machine.cache_folder).items()}
    require_disk(folder, whisper.model, params.train)
    require_timestamps_suit(whisper.tokenizer, [text.text for text in [*learned.texts, *texts]], mode == "pack")
    try:
        tuned = tune(validator, general, examples, params.train, folder, training)
    except StoppedError:
        return
    if rank_and_ranks()[0] == 0:
        whisper.save(MODEL)
        write(tuned, params.train, commit, examples, learned.mixed, validator.metric, Diary(folder))


def run_facts(params: Params) -> dict[str, Any]:
    """Gather all that determines the run's result; what is large by its hash."""
    name = params.model.name
    modules = [module for module_name, module in sorted(sys.modules.items()) if module_name.startswith(f"{asr.__name__}.")]
    lists = [
        *(FEATURES / split / MANIFEST for split in (*SPLITS, MIX, NON_SPEECH, GENERAL)),
        *(TEXTS / f"{split}.jsonl" for split in SPLITS),
        *(MIX_TEXTS, HEARD, GENERAL_TEXTS, PACE),
    ]
    weights = sorted(path for path in Path(name).glob("*") if path.is_file())
    return {
        "params": params.model_dump(mode="json"),
        "packages": versions(LEARNING),
        "code": code_version([*files_of(modules), Path(__file__), Path(stages.learning.__file__)], ()),
        "data": fingerprint({}, lists),
        "base model": fingerprint({}, weights) if Path(name).is_dir() else base_commit(params.model),
    }


def say_what_is_not_gone_on_with(runs: Sequence[OtherRun]) -> None:
    """Tell someone who has trained for days why it begins anew."""
    for other in runs:
        print(
            f"train: {other.folder} has a checkpoint of another run of this model, at step {other.step}. It is not used, as "
            f"these differ: {', '.join(other.differences)}. Set them back to go on with it, or remove the folder",
            file=sys.stderr,
        )


def require_ranks(settings: Train, machine: Machine) -> None:
    """Stop when some rank would have nothing to do.

    Raises:
        DataError: naming both settings.
    """
    if settings.effective_batch < machine.train_ranks:
        raise DataError(
            f"train.effective_batch is {settings.effective_batch}, fewer clips than train_ranks ({machine.train_ranks}) "
            "in machine.yaml: raise the one or lower the other"
        )


def keeping_row(point: Point) -> dict[str, float]:
    """A row of keeping.csv."""
    return {"share": point.share, "error_rate": point.error_rate, **point.general}


def write(
    tuned: Tuned, settings: Train, commit: str | None, examples: Examples, mixed: int, metric: Metric, diary: Diary
) -> None:
    """Write metrics/train; so many of the examples are of train.mix."""
    OUT.mkdir(parents=True, exist_ok=True)
    trained = tuned.trained
    write_csv(OUT / "curves.csv", tuple(COLUMNS.values()), curves(trained.log_history))
    write_csv(OUT / "validation.csv", DIARY_COLUMNS, diary.read())
    write_csv(OUT / "search.csv", SEARCH_COLUMNS, [asdict(tried) for tried in tuned.searched])
    sets = list(tuned.points[0].general) if tuned.points else []
    write_csv(OUT / "keeping.csv", ("share", "error_rate", *sets), [keeping_row(point) for point in tuned.points])
    write_json(
        SUMMARY,
        {
            "base_commit": commit,
            "precision": trained.precision,
            "learning_rate": trained.learning_rate,
            "effective_batch": settings.effective_batch,
            "ranks": trained.ranks,
            "rows_at_once": trained.rows_at_once,
            "activation_checkpointing": trained.activation_checkpointing,
            "out_of_memory": trained.halvings,
            "window": trained.window,
            "clips": len(examples),
            "clips_without_speech": len(without_speech(examples)),
            "clips_mixed_in": mixed,
            "steps": trained.steps,
            "epochs": trained.epochs,
            "best_step": trained.best_step,
            "averaged_epochs": tuned.averaged,
            "kept_of_base": tuned.kept,
            "metric": metric,
            "validation_error_rate": tuned.error_rate,
            "base_validation_error_rate": trained.base_error_rate,
            "better_than_base": tuned.error_rate < trained.base_error_rate,
            "versions": versions(LEARNING),
        },
    )
    write_speeds(SUMMARY, trained.seconds)
    for line in outcome(trained.best_step, tuned.error_rate, trained.base_error_rate, metric):
        print(f"train: {line}", file=sys.stderr)


if __name__ == "__main__":
    run("train", main, writes=(MODEL, OUT))
