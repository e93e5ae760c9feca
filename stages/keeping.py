"""How stage train takes a share of the base model into the model that a run has come to: what has a say in it, besides
stages/examples.py.

What was chosen stays in the run's folder. Another train.keep_of_base, or other general sets, make another choice from the same
run, which is not trained anew.
"""

import gc
import sys
from dataclasses import asdict
from pathlib import Path

import asr.tuning.keeping
from asr.base.hashes import code_version, files_of, fingerprint
from asr.base.rates import SHORT
from asr.base.text import Normalization
from asr.machine.device import pick_device
from asr.machine.shutdown import StopRequest
from asr.model.whisper import Whisper, load, load_tuned
from asr.runs.choices import note_choice, read_choice
from asr.runs.kept import kept_model, take
from asr.shards.format import MANIFEST
from asr.tuning.keeping import MOST_SILENT, Kept, keep_best, keep_share, kept_as, mix
from asr.tuning.tune import Tuned
from stages.common.commit import base_commit
from stages.common.machine import Machine
from stages.examples import FEATURES, GENERAL, GENERAL_TEXTS, judged_by, read_general, read_silent, read_split
from stages.learning import Params


def write_model(folder: Path, tuned: Tuned, model: Path, params: Params, machine: Machine, stop: StopRequest) -> Kept:
    """Write a finished run's model, with its share of the base model, which is chosen unless that was done before.

    Args:
        folder: of the run.
        tuned: what it came to.
        model: where to write it.
        params: of the stage.
        machine: how to compute.
        stop: asks for the end, which does not wait for all that is to be heard.

    Raises:
        StoppedError: when it was asked for.
    """
    name = choice_name(params)
    choice = read_choice(folder, name)
    if params.train.keep_of_base == 0:
        take(folder, model)
        kept = Kept([], 0.0, tuned.error_rate)
    else:
        gc.collect()  # the model in training goes before two others come
        whisper = load_tuned(kept_model(folder))
        base = load(params.model.name, params.model.language, params.model.task, base_commit(params.model))
        if choice is None:
            kept = choose(whisper, base, tuned, params, machine, stop)
        else:
            kept = kept_as(choice)
            mix(whisper, base, kept.share)
        whisper.save(model)
    if choice is None:
        note_choice(folder, name, asdict(kept))
    return kept


def choose(whisper: Whisper, base: Whisper, tuned: Tuned, params: Params, machine: Machine, stop: StopRequest) -> Kept:
    """Hear with the model, and give it, in place, the share that is set or that is best."""
    whisper.model.to(pick_device()).eval()
    normalization, precision = Normalization.of(params.text, params.model), tuned.trained.precision
    validator = judged_by(whisper, *read_split("validation", whisper, machine.cache_folder), normalization, stop)
    if params.train.keep_of_base != "auto":
        kept = keep_share(validator, base, params.train.keep_of_base, precision)
    else:
        silent = read_silent(MOST_SILENT, whisper, machine.cache_folder)
        sets = read_general(whisper, machine.cache_folder)
        general = {name: judged_by(whisper, *clips, normalization, stop) for name, clips in sets.items()}
        kept = keep_best(validator, silent, general, base, precision)
    rate = f"validation {SHORT[validator.metric]} {kept.error_rate:.1f} %"
    print(f"train: {100 * kept.share:.0f} % of the base model's weights are kept: {rate}", file=sys.stderr)
    return kept


def choice_name(params: Params) -> str:
    """Name a choice by all that has a say in it, besides the run itself."""
    share = params.train.keep_of_base
    code = code_version(files_of([asr.tuning.keeping, sys.modules[__name__]]), (), with_messages=False)
    return fingerprint(
        {"share": share, "code": code}, [FEATURES / GENERAL / MANIFEST, GENERAL_TEXTS] if share == "auto" else []
    )
