"""Estimate how long training will take, and what memory, from some steps of it on this machine.

Not a stage of dvc.yaml. It needs to know which clips there are, so the data is validated and divided first, but no features are
computed: the steps are of silence, as long as the clips are.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import contextlib
import io
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from asr.base.entries import AudioEntry, TextEntry, read_texts
from asr.base.errors import DataError
from asr.base.files import read_rows
from asr.base.text import Normalization, Text
from asr.features.augment import variants
from asr.features.non_speech import origins, seconds_of
from asr.features.parameters import Augment
from asr.machine.shutdown import STOP, StopRequest
from asr.model.parameters import Model
from asr.model.whisper import Whisper, load
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import Examples
from asr.training.history import duration
from asr.training.labels import at, chained, examples_of, without_speech
from asr.training.recipe import Train
from asr.training.run import Trained, train
from asr.training.validation import Validator
from asr.tuning.keeping import MOST_HEARD, MOST_SILENT, SHARES
from asr.tuning.search import FACTORS, MOST_VALIDATED, short, tried_on
from stages.common.commit import base_commit
from stages.common.machine import Machine, read_machine
from stages.common.params import StageParams, read_params

SPLITS, MIX, GENERAL = Path("data/splits"), Path("data/mix"), Path("data/sets/validation_text.jsonl")

TRIAL_STEPS, TRIAL_VALIDATED = 6, 64
"""Steps that are learned from, and clips that are validated, where there are so many."""

GIBI, KIBI = 2**30, 2**10

REMEDY = "run `dvc repro sets mix base` first, which computes no features"


class Params(StageParams):
    """What training reads of params.yaml, and what says how many copies of a clip it learns from."""

    model: Model
    train: Train
    text: Text
    augment: Augment


@dataclass(frozen=True)
class Work:
    """What a whole run does: optimiser steps, clips heard for validation, clips heard to choose a share of the base model, and
    checkpoints.
    """

    steps: float
    validated: int
    heard_to_choose: int
    checkpoints: int


def main() -> None:
    """Try some steps, and say what a whole run would take."""
    params, machine = read_params(Params), read_machine()
    settings = params.train
    whisper = load(params.model.name, params.model.language, params.model.task, base_commit(params.model))
    copies = len(variants(params.augment))
    learned = chained(silent("train", whisper, copies), mixed_in(whisper, copies))
    learned = chained(learned, silence_of(whisper, params.augment, copies))
    validated = silent("validation", whisper, copies=1)
    steps, epochs = settings.steps(len(learned)), settings.passes(len(learned))
    trial = some(learned, TRIAL_STEPS * settings.effective_batch, settings.seed)
    heard = some(validated, TRIAL_VALIDATED, settings.seed)
    seconds = sum(len(frames) for frames in learned.frames) / FRAMES_PER_SECOND
    print(
        f"estimate: {len(learned)} clips, {duration(seconds)} of audio, {epochs} epochs of {steps} steps; "
        f"trying {len(trial)} clips",
        file=sys.stderr,
    )
    trained = tried(whisper, trial, heard, params, machine)
    work = work_of(settings, learned, len(validated), machine.train_ranks)
    print(f"estimate: {told(trained, work, len(heard))}")


def work_of(settings: Train, learned: Examples, validated: int, ranks: int) -> Work:
    """What the parameters of training make of so many clips of the validation split, and of the general sets there are.

    Raises:
        DataError: when nobody has read those sets yet.
    """
    epochs = settings.passes(len(learned))
    steps, passes, checkpoints, heard_to_choose, searched = epochs * settings.steps(len(learned)), epochs + 1, epochs, 0, 0
    if settings.learning_rate == "search":
        each = len(tried_on(learned, settings))
        short_epochs = len(FACTORS) * short(settings, 1.0, each).passes(each)
        steps, checkpoints = steps + short_epochs * settings.steps(each), checkpoints + short_epochs
        searched = short_epochs * min(MOST_VALIDATED, validated)
    if settings.average > 1:
        passes += 1
    if settings.keep_of_base != 0:
        passes += 1
    if settings.keep_of_base == "auto":
        if not GENERAL.exists():
            raise DataError(f"{GENERAL}: not there; {REMEDY}")
        general = sum(min(MOST_HEARD, len(texts)) for texts in read_texts(GENERAL).values())
        silence = min(MOST_SILENT, len(without_speech(learned)))
        heard_to_choose = general + len(SHARES) * (general + min(MOST_HEARD, validated) + silence)
    return Work(steps / ranks, passes * validated + searched, heard_to_choose, checkpoints)


def silent(split: str, whisper: Whisper, copies: int) -> Examples:
    """A split's clips as training will read them, but for what is to be heard in them.

    Raises:
        DataError: when the data is not divided yet.
    """
    clips, texts = SPLITS / f"audio/{split}.jsonl", SPLITS / f"text/{split}.jsonl"
    if not clips.exists() or not texts.exists():
        raise DataError(f"{clips}: not there; {REMEDY}")
    said = {text.id: text for text in read_rows(texts, TextEntry)}
    rows = [clip for clip in read_rows(clips, AudioEntry) for _ in range(copies)]
    return lasting(whisper, [clip.seconds for clip in rows], [said[clip.id] for clip in rows])


def mixed_in(whisper: Whisper, copies: int) -> Examples:
    """The clips of train.mix, where one without a transcript takes that of a training clip: the base model has heard none yet.

    Raises:
        DataError: when nobody has checked the table yet.
    """
    if not (MIX / "audio.jsonl").exists() or not (MIX / "text.jsonl").exists():
        raise DataError(f"{MIX}: not there; {REMEDY}")
    others = cycle(text.text for text in read_rows(SPLITS / "text/train.jsonl", TextEntry) if text.text)
    said = [text if text.text else replace(text, text=next(others)) for text in read_rows(MIX / "text.jsonl", TextEntry)]
    seconds = [clip.seconds for clip in read_rows(MIX / "audio.jsonl", AudioEntry) for _ in range(copies)]
    return lasting(whisper, seconds, [text for text in said for _ in range(copies)])


def silence_of(whisper: Whisper, augment: Augment, copies: int) -> Examples:
    """The clips without speech as training will read them: how long they are follows from what they are made of."""
    clips = read_rows(SPLITS / "audio/train.jsonl", AudioEntry)
    made_of = [(clip, copy) for clip in origins(clips, len(clips), augment) for copy in range(1, copies + 1)]
    said = {text.id: replace(text, text="") for text in read_rows(SPLITS / "text/train.jsonl", TextEntry)}
    seconds = [seconds_of(clip.id, copy, augment) for clip, copy in made_of]
    return lasting(whisper, seconds, [said[clip.id] for clip, _ in made_of])


def lasting(whisper: Whisper, seconds: Sequence[float], texts: Sequence[TextEntry]) -> Examples:
    """Silent clips of given lengths, each with its transcript."""
    lengths = [min(1 + int(FRAMES_PER_SECOND * each), whisper.window_frames) for each in seconds]
    mels = whisper.model.config.num_mel_bins
    frames = [np.broadcast_to(np.float16(0), (length, mels)) for length in lengths]  # they take no memory
    return examples_of(whisper, frames, texts)


def some(examples: Examples, count: int, seed: int) -> Examples:
    """Draw so many of them, or take all."""
    return at(examples, np.random.default_rng(seed).permutation(len(examples))[:count].tolist())


def tried(whisper: Whisper, learned: Examples, validated: Examples, params: Params, machine: Machine) -> Trained:
    """Train on them for one epoch, with a checkpoint at its end that is removed."""
    validator = Validator(
        whisper,
        validated,
        [str(place) for place in range(len(validated))],
        ["silence"] * len(validated),
        Normalization.of(params.text, params.model),
    )
    # Compiling takes minutes once, which a few steps would make minutes of each.
    once = params.train.model_copy(update={"epochs": 1, "torch_compile": False})
    machine.checkpoint_folder.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix="estimate-", dir=machine.checkpoint_folder) as name,
        contextlib.redirect_stderr(io.StringIO()),
    ):
        stop = StopRequest(Path(name) / STOP)
        workers = machine.loader_workers
        return train(whisper, learned, validator, once, Path(name), None, stop, loader_workers=workers)


def told(trained: Trained, work: Work, heard: int) -> str:
    """Say what a whole run takes, where `trained` has learned from some clips for an epoch and heard so many."""
    seconds = trained.seconds
    learning = work.steps * (seconds["waiting"] + seconds["computing"]) / trained.steps
    hearing = seconds["validating"] / 2 / heard  # the base model is validated too, before the epoch
    validating, choosing, saving = (
        hearing * work.validated,
        hearing * work.heard_to_choose,
        work.checkpoints * seconds["saving"],
    )
    if torch.cuda.is_available():
        memory = f"{torch.cuda.max_memory_allocated() / GIBI:.1f} GiB of GPU memory"
    else:
        unit = 1 if sys.platform == "darwin" else KIBI
        memory = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIBI:.1f} GiB of memory"
    return (
        f"{duration(learning + validating + choosing + saving)} at most: {duration(learning)} of training, "
        f"{duration(validating)} of validation, {duration(choosing)} to choose what is kept of the base model, "
        f"{duration(saving)} for checkpoints; {memory}, {trained.rows_at_once} whole windows at once"
    )


if __name__ == "__main__":
    run("estimate", main)
