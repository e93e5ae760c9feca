"""What stage train learns from, and how: all of the stage that has a say in the weights. A change here makes another run."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import ConfigDict

from asr.base.entries import TextEntry
from asr.base.files import read_rows
from asr.base.sections import Section
from asr.base.text import Normalization, Text
from asr.machine.shutdown import STOP, StopRequest
from asr.model.parameters import Model
from asr.model.whisper import Whisper, load, require_in_window, require_label_positions, require_same_mels
from asr.ranks.group import rank_and_ranks
from asr.runs.kept import keep
from asr.shards.frames import FRAMES_PER_SECOND
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures
from asr.training.batch import Examples
from asr.training.callbacks import StoppedError
from asr.training.labels import chained, examples_of, require_timestamps_suit, without_speech
from asr.training.memory import require_disk
from asr.training.recipe import Train
from asr.training.run import train
from asr.training.validation import Validator
from stages.common.commit import base_commit
from stages.common.machine import Machine
from stages.common.pace import read_pace
from stages.common.params import StageParams, read_params

FEATURES = Path("data/features")
TEXTS = Path("data/splits/text")
SPLITS, NON_SPEECH = ("train", "validation"), "non_speech"


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
    # Both splits are checked before the first step.
    examples, train_texts = read_split("train", whisper, machine.cache_folder)
    spoken = (len(frames) for frames, text in zip(examples.frames, train_texts, strict=True) if text.text)
    whisper.mark_longest_clip((whisper.window_frames if mode == "pack" else max(spoken)) / FRAMES_PER_SECOND)
    examples = chained(examples, read_non_speech(train_texts, whisper, machine.cache_folder))
    print(f"train: {len(examples)} clips, {len(without_speech(examples))} of them without speech", file=sys.stderr)
    whisper.mark_trimming(params.features.trim_below_peak_db)
    validation, texts = read_split("validation", whisper, machine.cache_folder)
    stop = stop or StopRequest(folder / STOP)
    validator = Validator(
        whisper,
        validation,
        [text.path for text in texts],
        [text.text for text in texts],
        Normalization.of(params.text, params.model),
        read_pace(),
        stop,
    )
    require_disk(folder, whisper.model, params.train)
    require_timestamps_suit(whisper.tokenizer, [text.text for text in [*train_texts, *texts]], mode == "pack")
    try:
        trained = train(
            whisper,
            examples,
            validator,
            params.train,
            folder,
            machine.tensorboard_folder / folder.name,
            stop,
            machine.checkpoint_minutes,
            machine.loader_workers,
            machine.report_to,
        )
    except StoppedError:
        return
    if rank_and_ranks()[0] == 0:
        keep(folder, whisper.save, asdict(trained))


def read_split(split: str, whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    """Read a split's clips with their labels and transcripts, once it is sure that the model can take them all."""
    features = StoredFeatures(FEATURES / split, cache)
    require_same_mels(whisper, features.n_mels)
    frames, texts = pair(features, read_rows(TEXTS / f"{split}.jsonl", TextEntry))
    paths = [text.path for text in texts]
    require_in_window(whisper, paths, [len(clip) for clip in frames])
    examples = examples_of(whisper, frames, texts)
    require_label_positions(whisper, paths, examples.labels)
    return examples, texts


def read_non_speech(texts: Sequence[TextEntry], whisper: Whisper, cache: Path) -> Examples:
    """Read the clips without speech, each in the language of the clip of which it was made, with nothing to write."""
    features = StoredFeatures(FEATURES / NON_SPEECH, cache)
    made_of = set(features.ids)
    origins = {text.id: replace(text, text="") for text in texts if text.id in made_of}
    return examples_of(whisper, *pair(features, list(origins.values())))
