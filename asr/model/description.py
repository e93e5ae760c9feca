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
    is_multilingual = config["vocab_size"] >= FIRST_MULTILINGUAL_VOCABULARY if stated is None else bool(stated)
    seconds = FRAMES_PER_POSITION * config["max_source_positions"] / FRAMES_PER_SECOND
    return Description(config["num_mel_bins"], seconds, is_multilingual)


def mistakes(found: Description, model: Model, n_mels: int, longest_seconds: float) -> Iterator[str]:
    """Name what does not suit the model, each with the parameter to change.

    Args:
        found: the model's description.
        model: its parameters.
        n_mels: of the features.
        longest_seconds: that a clip may have when the model hears it.
    """
    if n_mels != found.mels:
        yield f"features.n_mels is {n_mels}, the model takes {found.mels}: set features.n_mels to {found.mels}"
    if longest_seconds > found.window_seconds:
        yield (
            f"filter.max_seconds lets clips of {longest_seconds:g} s through, the model's window is "
            f"{found.window_seconds:g} s: set filter.max_seconds to {found.window_seconds:g} "
            "(times augment.tempo_min, where that is used)"
        )
    if found.is_multilingual and model.language is None:
        yield f"model.name {model.name} is multilingual: set model.language, for example to nl or dutch"
    if not found.is_multilingual and (model.language is not None or model.task != "transcribe"):
        yield f"model.name {model.name} is English-only: set model.language to null and model.task to transcribe"


def _read(name: str, file: str) -> dict[str, Any]:
    path = Path(name) / file if Path(name).is_dir() else _from_hub(name, file)
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"model.name {name}: the folder holds no Whisper that can be read ({path}: {error})") from error
    return values


def _from_hub(name: str, file: str) -> Path:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache  # here, as a model in a folder needs none of it

    try:
        known = try_to_load_from_cache(name, file)
        return Path(known if isinstance(known, str) else hf_hub_download(name, file))
    except Exception as error:  # the hub's client has a dozen, some of them of the library it speaks through
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"model.name {name}: not a folder, nor to be had from the hub ({reason}); "
            "check the name, the network, and that HF_HUB_OFFLINE is not set"
        ) from error
