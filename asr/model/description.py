"""The description of a checkpoint: what its configuration says, read without loading the model."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.base.errors import DataError
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


def describe(name: str) -> Description:
    """Describe a checkpoint in a folder or on the hub, from where two small files are fetched, once.

    Raises:
        DataError: when it can't be had, or is no Whisper.
    """
    config = _read(name, "config.json")
    if config.get("model_type") != "whisper":
        raise DataError(f"model.name {name}: its config.json is not a Whisper's; choose one that is")
    try:
        stated = _read(name, "generation_config.json").get("is_multilingual")
    except DataError:  # older checkpoints have none
        stated = None
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
    yield from wrong_language(model.name, model.language, model.task, found.is_multilingual)


def wrong_mels(n_mels: int, wanted: int) -> Iterator[str]:
    """Say it when features are not of the mels that the model takes."""
    if n_mels != wanted:
        yield f"features.n_mels is {n_mels}, the model takes {wanted}: set features.n_mels to {wanted}"


def wrong_language(name: str, language: str | None, task: str, is_multilingual: bool) -> Iterator[str]:
    """Say it when a multilingual model has no language, or an English-only one has a language or another task."""
    if is_multilingual and language is None:
        yield f"model.name {name} is multilingual: set model.language, for example to nl or dutch"
    if not is_multilingual and (language is not None or task != "transcribe"):
        yield f"model.name {name} is English-only: set model.language to null and model.task to transcribe"


def not_to_be_had(name: str, error: Exception) -> DataError:
    """The error of a checkpoint that can't be read or fetched."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    in_folder = "the folder holds no Whisper that can be read"
    where = in_folder if Path(name).is_dir() else "not a folder, nor to be had from the hub"
    remedy = "check the name, the network, and that HF_HUB_OFFLINE is not set"
    return DataError(f"model.name {name}: {where} ({reason}); {remedy}")


def _read(name: str, file: str) -> dict[str, Any]:
    try:
        path = Path(name) / file if Path(name).is_dir() else _from_hub(name, file)
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except Exception as error:  # the hub's client has a dozen, some of them of the library it speaks through
        raise not_to_be_had(name, error) from error
    return values


def _from_hub(name: str, file: str) -> Path:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache  # here, as a model in a folder needs none of it

    known = try_to_load_from_cache(name, file)
    return Path(known if isinstance(known, str) else hf_hub_download(name, file))
