"""How stage train learns: all of the stage, besides stages/examples.py, that has a say in what a run comes to. A change in
these makes another run.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from pydantic import ConfigDict

from asr.base.sections import Section
from asr.base.text import Normalization, Text
from asr.machine.shutdown import STOP, StopRequest
from asr.model.parameters import Model
from asr.model.whisper import Whisper, load
from asr.ranks.group import rank_and_ranks
from asr.runs.kept import keep
from asr.shards.frames import FRAMES_PER_SECOND
from asr.training.batch import Examples
from asr.training.callbacks import StoppedError
from asr.training.labels import require_timestamps_known, timed, without_speech
from asr.training.memory import require_disk
from asr.training.recipe import Mode, Train
from asr.training.run import Trained, train
from asr.training.validation import Validator
from asr.tuning.tune import tune
from stages.common.commit import base_commit
from stages.common.machine import Machine
from stages.common.params import StageParams, read_params
from stages.examples import judged_by, read_learned, read_split

MIXED = "mixed"
"""What a kept outcome calls the number of clips of train.mix."""

WHY = {
    "fit": "the base model was trained in windows of the clips' lengths, or in shorter ones than 30 s",
    "pack": "the base model knows whole windows alone",
}
"""Why `auto` takes a window."""


class Trimming(Section):
    """How clips were trimmed, which the checkpoint tells those who use it."""

    model_config = ConfigDict(extra="ignore")

    trim_below_peak_db: float | None


class Params(StageParams):
    """What stage train reads of params.yaml."""

    model: Model
    train: Train
    text: Text
    features: Trimming


def learn(folder: Path, machine: Machine, stop: StopRequest | None = None) -> None:
    """Train in this process, as one rank or the only one; rank 0 keeps what comes of it in the run's folder.

    Args:
        folder: of the run.
        machine: how to compute; a rank does not see the environment of the process that started it.
        stop: asks the run to end early; without one, it is asked for in the process that started this.
    """
    params = read_params(Params)
    whisper = load(params.model.name, params.model.language, params.model.task, base_commit(params.model))
    mode = params.train.mode(whisper.window_frames, whisper.is_fitted)
    stop = stop or StopRequest(folder / STOP)

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

    # All is checked before the first step.
    learned = read_learned(whisper, machine.cache_folder)
    examples = learned.examples
    whisper.mark_longest_clip(longest_learned(whisper, examples, mode) / FRAMES_PER_SECOND)
    told = f"{len(without_speech(examples))} of them without speech, {learned.mixed} mixed in"
    print(f"train: {len(examples)} clips, {told}", file=sys.stderr)
    print(f"train: {windows_told(params.train, mode)}", file=sys.stderr)
    whisper.mark_trimming(params.features.trim_below_peak_db)
    validation, texts = read_split("validation", whisper, machine.cache_folder)
    require_disk(folder, whisper.model, params.train)
    require_timestamps_known(whisper.tokenizer, [text.text for text in [*learned.texts, *texts]])
    judge = judged_by(whisper, validation, texts, Normalization.of(params.text, params.model), stop)
    try:
        tuned = tune(judge, examples, params.train, folder, training)
    except StoppedError:
        return
    if rank_and_ranks()[0] == 0:
        keep(folder, whisper.save, {**asdict(tuned), MIXED: learned.mixed})


def windows_told(settings: Train, mode: Mode) -> str:
    """Say which windows the clips get, and why."""
    why = f", as {WHY[mode]}" if settings.window == "auto" else ""
    share, own = settings.whole_share(mode), " to themselves" if mode == "pack" else ""
    return f"the window is {mode}{why}" + (f"; {100 * share:.0f} % of the clips get a whole one{own}" if share else "")


def longest_learned(whisper: Whisper, examples: Examples, mode: Mode) -> int:
    """Give the frames of the longest speech that is learned at once: a clip's, or a whole window's where clips share it."""
    silent, alone = without_speech(examples), timed(examples, whisper.tokenizer)
    if mode == "pack" and len(silent | alone) < len(examples):
        return whisper.window_frames
    return max(len(frames) for place, frames in enumerate(examples.frames) if place not in silent)
