"""Tune the base model on the training clips; take the weights with the lowest error rate on the validation split.

Reads features and transcripts of train, validation and train.mix, and of the clips of general sets that are there to choose by,
and the features of clips without speech; writes models/whisper, a checkpoint that transformers loads, and metrics/train:
curves.csv, validation.csv, search.csv (the learning rates that were tried), keeping.csv (the shares of the base model's weights
that were) and summary.json. TensorBoard's events are the machine's, outside of the outputs.

Every run that differs in its parameters, data, base model, code or packages has a folder of its own outside of the outputs. A
run that was killed goes on from its last checkpoint there; of one that is done the result is there, and is taken when the same
run is asked for again. What has a say in it is in stages/learning.py and stages/examples.py, and what has a say in the share of
the base model that is taken then in stages/keeping.py; nothing here has.
"""

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

import stages.examples
import stages.learning
from asr.base.errors import DataError
from asr.base.files import write_csv, write_json
from asr.base.hashes import code_version, files_of, fingerprint
from asr.base.versions import JUDGING, LEARNING, versions
from asr.machine.ray_cluster import connected
from asr.machine.shutdown import STOP, StopRequest
from asr.ranks.launch import run_ranks
from asr.runs.choices import is_chosen_from
from asr.runs.claims import claimed
from asr.runs.facts import Facts, OtherRun, learning_modules, note_facts, other_runs
from asr.runs.folders import clear, forget, remove, sweep
from asr.runs.kept import RESULT, drop, is_finished, is_kept, outcome_of
from asr.shards.format import MANIFEST
from asr.training.callbacks import StoppedError
from asr.training.checkpoints import SEARCH, checked, newest
from asr.training.history import COLUMNS, curves, outcome
from asr.training.optimizer import require_optimizer
from asr.training.recipe import Train
from asr.training.validation import DIARY_COLUMNS, Diary
from asr.tuning.keeping import Kept, keeping_columns, keeping_row
from asr.tuning.search import COLUMNS as SEARCH_COLUMNS
from asr.tuning.tune import Tuned, tuned_as
from stages.common.commit import base_commit
from stages.common.machine import Machine, read_machine
from stages.common.pace import PACE
from stages.common.params import read_params
from stages.common.speeds import write_speeds
from stages.examples import FEATURES, HEARD, MIX, MIX_TEXTS, NON_SPEECH, SPLITS, TEXTS
from stages.keeping import write_model
from stages.learning import MIXED, Params, learn

MODEL = Path("models/whisper")
OUT = Path("metrics/train")
SUMMARY = OUT / "summary.json"


def main() -> None:
    """Train, here or in the ranks of a cluster, unless the run was done before; then write what has come of it."""
    params, machine = read_params(Params), read_machine()
    require_optimizer(params.train.optimizer)
    require_ranks(params.train, machine)
    facts = run_facts(params)
    folder = machine.checkpoint_folder / fingerprint(facts, [])
    stop = StopRequest(folder / STOP)
    with claimed(folder):
        sweep(folder)
        if machine.keep_runs == 0 and is_finished(folder) and is_chosen_from(folder):
            drop(folder)
        if is_kept(folder):
            told = f"this run was done before: its model is taken from {folder} (remove that folder to train anew)"
            print(f"train: {told}", file=sys.stderr)
        else:
            run_to_its_end(folder, facts, params, machine, stop)
        result = outcome_of(folder)
        mixed, tuned = result.pop(MIXED), tuned_as(result)
        write(mixed, tuned, keep_some(folder, tuned, params, machine, stop), params, Diary(folder / RESULT))
        if machine.keep_runs:
            clear(folder)
        else:
            remove(folder)
        forget(folder, machine.keep_runs)


def run_to_its_end(folder: Path, facts: Facts, params: Params, machine: Machine, stop: StopRequest) -> None:
    """Train from the newest checkpoint in `folder`, or from the beginning, until the result is kept there.

    Raises:
        SystemExit: when the run was asked to end before.
    """
    if checkpoint := checked(folder):
        print(f"train: goes on from {checkpoint}", file=sys.stderr)
    else:
        say_what_is_not_gone_on_with(other_runs(folder, facts))
    note_facts(folder, facts)
    address = machine.ray_address if machine.engine == "ray" else None
    if address is not None:
        connected(address)  # before listening, as Ray takes SIGTERM for itself
    stop.listen()
    if address is not None or machine.train_ranks > 1:
        run_ranks(partial(learn, folder, machine), machine.train_ranks, address, folder)
    else:
        learn(folder, machine, stop)
    if not is_finished(folder):
        print(f"train: stopped; the same run {where_it_goes_on(folder)}", file=sys.stderr)
        sys.exit(128 + (stop.signal or signal.SIGTERM))


def where_it_goes_on(folder: Path) -> str:
    """Say where a run that was stopped goes on."""
    if last := newest(folder):
        return f"goes on from its checkpoint in {last}"
    if (folder / SEARCH).exists():
        return f"goes on with its search for a rate, in {folder / SEARCH}"
    return "has no checkpoint yet, and begins anew"


def keep_some(folder: Path, tuned: Tuned, params: Params, machine: Machine, stop: StopRequest) -> Kept:
    """Write the run's model with its share of the base model.

    Raises:
        SystemExit: when the stage was asked to end before that was chosen.
    """
    stop.listen()
    try:
        return write_model(folder, tuned, MODEL, params, machine, stop)
    except StoppedError:
        print(
            f"train: stopped; the run in {folder} is done, and what it keeps of the base model is chosen when it is taken",
            file=sys.stderr,
        )
        sys.exit(128 + (stop.signal or signal.SIGTERM))


def run_facts(params: Params) -> dict[str, Any]:
    """Gather all that determines what a run comes to, before it gets a share of the base model; what is large by its hash."""
    name = params.model.name
    lists = [
        *(FEATURES / split / MANIFEST for split in (*SPLITS, MIX, NON_SPEECH)),
        *(TEXTS / f"{split}.jsonl" for split in SPLITS),
        *(MIX_TEXTS, HEARD, PACE),
    ]
    weights = sorted(path for path in Path(name).glob("*") if path.is_file())
    return {
        "params": params.model_dump(mode="json", exclude={"train": without_say(params.train)}),
        "packages": versions([*LEARNING, *JUDGING, *(["bitsandbytes"] if params.train.optimizer == "adamw_8bit" else [])]),
        "code": code_version(files_of([*learning_modules(), stages.learning, stages.examples]), (), with_messages=False),
        "data": fingerprint({}, lists),
        "base model": fingerprint({}, weights) if Path(name).is_dir() else base_commit(params.model),
    }


def without_say(settings: Train) -> set[str]:
    """The parameters of training that have no say in what a run comes to, before it gets a share of the base model."""
    return {"keep_of_base", "keep_checkpoints", *([] if settings.learning_rate == "search" else ["search_share"])}


def say_what_is_not_gone_on_with(runs: Sequence[OtherRun]) -> None:
    """Tell someone who has trained for days why it begins anew."""
    for other in runs:
        what = "a search for a rate" if other.step is None else f"a checkpoint at step {other.step}"
        print(
            f"train: {other.folder} has {what} of another run of this model. It is not used, as these "
            f"differ: {', '.join(other.differences)}. Set them back to go on with it, or remove the folder",
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


def write(mixed: int, tuned: Tuned, kept: Kept, params: Params, diary: Diary) -> None:
    """Write metrics/train; so many of the clips were of train.mix."""
    OUT.mkdir(parents=True, exist_ok=True)
    trained = tuned.trained
    write_csv(OUT / "curves.csv", tuple(COLUMNS.values()), curves(trained.log_history))
    write_csv(OUT / "validation.csv", DIARY_COLUMNS, diary.read())
    write_csv(OUT / "search.csv", SEARCH_COLUMNS, [asdict(tried) for tried in tuned.searched])
    write_csv(OUT / "keeping.csv", keeping_columns(kept.points), [keeping_row(point) for point in kept.points])
    write_json(
        SUMMARY,
        {
            "base_commit": base_commit(params.model),
            "precision": trained.precision,
            "learning_rate": trained.learning_rate,
            "effective_batch": params.train.effective_batch,
            "ranks": trained.ranks,
            "rows_at_once": trained.rows_at_once,
            "activation_checkpointing": trained.activation_checkpointing,
            "out_of_memory": trained.halvings,
            "window": trained.window,
            "clips": trained.clips,
            "clips_without_speech": trained.clips_without_speech,
            "clips_mixed_in": mixed,
            "steps": trained.steps,
            "epochs": trained.epochs,
            "best_step": trained.best_step,
            "averaged_epochs": tuned.averaged,
            "kept_of_base": kept.share,
            "metric": trained.metric,
            "validation_error_rate": kept.error_rate,
            "base_validation_error_rate": trained.base_error_rate,
            "better_than_base": kept.error_rate < trained.base_error_rate,
            "versions": versions(LEARNING),
        },
    )
    write_speeds(SUMMARY, trained.seconds)
    for line in outcome(trained.best_step, trained.best_error_rate, kept.error_rate, trained.base_error_rate, trained.metric):
        print(f"train: {line}", file=sys.stderr)


if __name__ == "__main__":
    run("train", main, writes=(MODEL, OUT))
