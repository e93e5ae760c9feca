"""Whisper: loading a checkpoint with its tokenizer, its prompt, and whether given clips fit it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor, WhisperTokenizer
from transformers.models.whisper.tokenization_whisper import LANGUAGES, TO_LANGUAGE_CODE

from asr.base.errors import DataError
from asr.model.description import speaks_many, wrong_language, wrong_mels
from asr.model.folder import write_checkpoint
from asr.model.hub import checkpoint_folder, first_line, not_to_be_had
from asr.model.window import whole_window
from asr.shards.frames import FRAMES_PER_SECOND


@dataclass(frozen=True)
class Whisper:
    """A checkpoint: the model in float32, and the processor whose tokenizer writes the right prompt before a label."""

    model: WhisperForConditionalGeneration
    processor: WhisperProcessor

    @property
    def tokenizer(self) -> WhisperTokenizer:
        """The tokenizer, which writes the model's prompt before a label and the end after it."""
        return self.processor.tokenizer

    @property
    def window_frames(self) -> int:
        """The number of mel frames that the encoder takes: 3000, which is 30 s, for the released models."""
        return whole_window(self.model)

    @property
    def is_fitted(self) -> bool:
        """Whether the model was trained with inputs of each clip's own length."""
        return bool(getattr(self.model.config, "fitted_windows", False))

    def mark_fitted(self, fitted: bool) -> None:
        """Note in the checkpoint whether it was trained so; other software ignores it."""
        self.model.config.fitted_windows = fitted

    def mark_longest_clip(self, seconds: float) -> None:
        """Note how long the clips were that it was trained on at most, for those who cut long recordings for it."""
        self.model.generation_config.longest_clip_seconds = round(seconds, 2)

    def save(self, folder: Path) -> None:
        """Write what `load_tuned` and other software read."""
        write_checkpoint(self.model, self.processor, folder)


def load(name: str, language: str | None, task: str, commit: str | None = None) -> Whisper:
    """Load a checkpoint from a folder or, at this commit, from the hub, and set its language and task.

    Raises:
        DataError: when it can't be had, or when the language doesn't suit it.
    """
    folder = checkpoint_folder(name, commit)
    try:
        whisper = load_tuned(folder)
    except UnpicklingError as error:
        raise DataError(
            f"model.name {name}: its pickled weights hold more than numbers, and to load them would run what its maker wrote: "
            "take a checkpoint with model.safetensors, or have this one saved anew by whoever trusts it"
        ) from error
    except (OSError, ValueError) as error:
        raise not_to_be_had(name, first_line(error)) from error
    _set_prompt(whisper, name, language, task)
    return whisper


def load_tuned(folder: Path) -> Whisper:
    """Load a checkpoint that holds its own language and task. Nothing that comes with it is executed.

    Pickled weights are read by `torch.load(weights_only=True)`, which transformers 5 leaves on unless it is told otherwise.
    """
    # Some checkpoints are stored in half precision; training and comparing start from float32 alike.
    model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, weights_only=True)
    return Whisper(model, WhisperProcessor.from_pretrained(folder, trust_remote_code=False))


def is_multilingual(model: WhisperForConditionalGeneration) -> bool:
    """Whether the checkpoint says that it is; its name says nothing."""
    stated = getattr(model.generation_config, "is_multilingual", None)
    return speaks_many(stated, model.config.vocab_size)


def _set_prompt(whisper: Whisper, name: str, language: str | None, task: str) -> None:
    """English-only checkpoints take neither language nor task; the others need both."""
    config = whisper.model.generation_config
    config.forced_decoder_ids = None
    config.suppress_tokens = []  # transcripts may hold what pretraining never wrote, such as brackets
    for mistake in wrong_language(name, language, task, is_multilingual(whisper.model)):
        raise DataError(mistake)
    if language is None:
        whisper.tokenizer.set_prefix_tokens(language=None, task=None, predict_timestamps=False)
        return
    code = TO_LANGUAGE_CODE.get(language.lower(), language.lower())
    if code not in LANGUAGES:
        raise DataError(f"model.language {language}: Whisper doesn't know it; it knows {', '.join(sorted(LANGUAGES))}")
    known = getattr(config, "lang_to_id", None)
    if known is not None and f"<|{code}|>" not in known:
        raise DataError(f"model.language {language}: Whisper has it, but not the checkpoint {name}; choose a newer one")
    whisper.tokenizer.set_prefix_tokens(language=code, task=task, predict_timestamps=False)
    config.language, config.task = code, task


def require_same_mels(whisper: Whisper, n_mels: int) -> None:
    """Stop when features of `n_mels` are not what the model hears.

    Raises:
        DataError: naming the parameter to change.
    """
    for mistake in wrong_mels(n_mels, whisper.model.config.num_mel_bins):
        raise DataError(mistake)


def require_in_window(whisper: Whisper, names: Sequence[str], frames: Sequence[int]) -> None:
    """Stop when a clip is longer than the model's window.

    Args:
        whisper: the model.
        names: what to call each clip in the message.
        frames: stored frames of each clip; up to three lie past its end (see `asr.features.logmel`).

    Raises:
        DataError: with the number of such clips, the first, and the parameter to change.
    """
    long = [index for index, count in enumerate(frames) if count > whisper.window_frames + 3]
    if long:
        first, seconds = long[0], whisper.window_frames / FRAMES_PER_SECOND
        raise DataError(
            f"{len(long)} of {len(frames)} clips are longer than the model's window of {seconds:g} s "
            f"(the first: {names[first]}, {frames[first] / FRAMES_PER_SECOND:.1f} s): set filter.max_seconds to {seconds:g} "
            "(and lower still if augment.tempo_min makes clips slower)"
        )


def require_label_positions(whisper: Whisper, names: Sequence[str], labels: Sequence[Sequence[int]]) -> None:
    """Stop when a transcript has more tokens than the decoder has positions.

    Raises:
        DataError: with the number of such transcripts, the first, and the parameter to change.
    """
    positions = whisper.model.config.max_target_positions
    long = [index for index, label in enumerate(labels) if len(label) > positions]
    if long:
        first = long[0]
        raise DataError(
            f"{len(long)} of {len(labels)} transcripts are longer than the model's {positions} tokens "
            f"(the first: {names[first]}, {len(labels[first])} tokens): lower filter.max_characters"
        )
