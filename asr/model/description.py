"""The description of a checkpoint: what its configuration says, read without loading the model."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asr.base.errors import DataError
from asr.model.hub import CONFIG, file_of, first_line, not_to_be_had
from asr.model.parameters import Model
from asr.shards.frames import FRAMES_PER_SECOND

FRAMES_PER_POSITION = 2
"""The encoder's second convolution halves the frames."""

FIRST_MULTILINGUAL_VOCABULARY = 51_865
"""openai/whisper `model.py`: English-only checkpoints have one token fewer. Used when a checkpoint doesn't say."""


@dataclass(frozen=True)
class Description:
    """The facts about a model that must be known before hours of work are done for it."""

    mels: int
    window_seconds: float
    is_multilingual: bool


def describe(name: str, commit: str | None = None) -> Description:
    """Describe a checkpoint in a folder or, at this commit, on the hub, from where two small files are fetched, once.

    Raises:
        DataError: when it can't be had, or is no Whisper.
    """
    config = _read(name, CONFIG, commit)
    if config is None:
        raise not_to_be_had(name, f"there is no {CONFIG}")
    if config.get("model_type") != "whisper":
        raise DataError(f"model.name {name}: its {CONFIG} is not a Whisper's; choose one that is")
    stated = (_read(name, "generation_config.json", commit) or {}).get("is_multilingual")  # older checkpoints have none
    seconds = FRAMES_PER_POSITION * config["max_source_positions"] / FRAMES_PER_SECOND
    return Description(config["num_mel_bins"], seconds, speaks_many(stated, config["vocab_size"]))


def speaks_many(stated: bool | None, vocabulary: int) -> bool:
    """Whether a checkpoint is multilingual: as it states, or else by the size of its vocabulary. Its name says nothing."""
    return vocabulary >= FIRST_MULTILINGUAL_VOCABULARY if stated is None else bool(stated)


def mistakes(found: Description, model: Model, n_mels: int, longest_seconds: float) -> Iterator[str]:
    """Name what does not suit the model, each with the parameter to change.

    Args:
        found: the model's description.
        model: its parameters.
        n_mels: of the features.
        longest_seconds: that a clip may have when the model hears it.
    """
    yield from wrong_mels(n_mels, found.mels)
    if longest_seconds > found.window_seconds:
        yield (
            f"filter.max_seconds lets clips of {longest_seconds:g} s through, the model's window is "
            f"{found.window_seconds:g} s: set filter.max_seconds to {found.window_seconds:g} "
            "(times augment.tempo_min, where that is used)"
        )
    if not found.is_multilingual:
        yield from wrong_language(model.name, model.language, model.task)


def wrong_mels(n_mels: int, wanted: int) -> Iterator[str]:
    """Say it when features are not of the mels that the model takes."""
    if n_mels != wanted:
        yield f"features.n_mels is {n_mels}, the model takes {wanted}: set features.n_mels to {wanted}"


def wrong_language(name: str, language: str | None, task: str) -> Iterator[str]:
    """Say it when an English-only model has a language or another task."""
    if language is not None or task != "transcribe":
        yield f"model.name {name} is English-only: set model.language to null and model.task to transcribe"


def _read(name: str, file: str, commit: str | None) -> dict[str, Any] | None:
    path = file_of(name, file, commit, may_lack=file != CONFIG)
    try:
        values: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError) as error:
        raise not_to_be_had(name, first_line(error)) from error
    return values
