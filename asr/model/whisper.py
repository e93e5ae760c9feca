"""Whisper: loading a checkpoint with its tokenizer, its prompt, and whether given clips fit it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor, WhisperTokenizer

from asr.base.errors import DataError
from asr.base.normalizers import ENGLISH
from asr.model.checksums import REMEDY, loading
from asr.model.description import speaks_many, wrong_language, wrong_mels
from asr.model.folder import write_checkpoint
from asr.model.hub import checkpoint_folder, first_line, not_to_be_had
from asr.model.window import fitted, whole_window
from asr.shards.frames import FRAMES_PER_SECOND

SHOWN = 3
"""Clips that a message names."""


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

    @property
    def least_window(self) -> int:
        """The shortest of these inputs, in frames."""
        return int(getattr(self.model.config, "least_window", 0))

    def mark_fitted(self, fitted: bool, least_window: int = 0) -> None:
        """Note in the checkpoint whether it was trained so, and in which inputs at least; other software ignores it."""
        self.model.config.fitted_windows = fitted
        self.model.config.least_window = least_window

    @property
    def windows(self) -> tuple[bool, int]:
        """Both, as `mark_fitted` takes them."""
        return self.is_fitted, self.least_window

    def window_of(self, frames: int) -> int:
        """The window in which the model hears a clip of so many frames."""
        return fitted(frames, self.window_frames, self.least_window) if self.is_fitted else self.window_frames

    def mark_longest_clip(self, seconds: float) -> None:
        """Note how long the clips were that it was trained on at most, for those who cut long recordings for it."""
        self.model.generation_config.longest_clip_seconds = round(seconds, 2)

    def mark_trimming(self, below_peak_db: float | None) -> None:
        """Note how the clips were trimmed that it was trained on, for those who prepare recordings for it."""
        self.model.generation_config.trim_below_peak_db = below_peak_db

    @property
    def trim_below_peak_db(self) -> float | None:
        """How the clips were trimmed that it was trained on; None: they were not, or nobody knows."""
        return getattr(self.model.generation_config, "trim_below_peak_db", None)

    def save(self, folder: Path) -> None:
        """Write what `load_tuned` and other software read."""
        write_checkpoint(self.model, self.processor, folder)


def load(name: str, language: str | None, task: str, commit: str | None = None) -> Whisper:
    """Load a checkpoint from a folder or, at this commit, from the hub, and set its task and its language, given by its code.

    A multilingual one without a language has to be told that of each clip (see `languages_of`).

    Raises:
        DataError: when it can't be had or is damaged, or when the language doesn't suit it.
    """
    folder = checkpoint_folder(name, commit)
    try:
        whisper = load_tuned(folder, _to_have_again(name, folder))
    except UnpicklingError as error:
        raise DataError(
            f"model.name {name}: its pickled weights hold more than numbers, and to load them would run what its maker wrote: "
            "take a checkpoint with model.safetensors, or have this one saved anew by whoever trusts it"
        ) from error
    except (OSError, ValueError) as error:
        raise not_to_be_had(name, first_line(error)) from error
    _set_prompt(whisper, name, language, task)
    return whisper


def _to_have_again(name: str, folder: Path) -> str:
    """What to do about damage in the folder of a base model."""
    if Path(name).is_dir():
        return "bring the folder back from where it came from"
    return (
        f"remove {folder.parents[1]}, and it is fetched again"  # not the file alone: it is a link, and what it leads to stays
    )


def load_tuned(folder: Path, remedy: str = REMEDY) -> Whisper:
    """Load a checkpoint that holds its own language and task. Nothing that comes with it is executed.

    Pickled weights are read by `torch.load(weights_only=True)`, which transformers 5 leaves on unless it is told otherwise.

    Args:
        folder: of the checkpoint.
        remedy: what to do when it is damaged.

    Raises:
        DataError: when a file is not as it was written, or is cut off.
    """
    with loading(folder, remedy):
        # Some checkpoints are stored in half precision; training and comparing start from float32 alike.
        model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, weights_only=True)
        return Whisper(model, WhisperProcessor.from_pretrained(folder, trust_remote_code=False))


def is_multilingual(model: WhisperForConditionalGeneration) -> bool:
    """Whether the checkpoint says that it is; its name says nothing."""
    stated = getattr(model.generation_config, "is_multilingual", None)
    return speaks_many(stated, model.config.vocab_size)


def _set_prompt(whisper: Whisper, name: str, language: str | None, task: str) -> None:
    """English-only checkpoints take neither language nor task."""
    config = whisper.model.generation_config
    config.forced_decoder_ids = None
    config.suppress_tokens = []  # transcripts may hold what pretraining never wrote, such as brackets
    config.begin_suppress_tokens = []  # the end is among the released models': they have to write even where nobody speaks
    if not is_multilingual(whisper.model):
        for mistake in wrong_language(name, language, task):
            raise DataError(mistake)
        whisper.tokenizer.set_prefix_tokens(language=None, task=None, predict_timestamps=False)
        return
    if language is not None and not _knows(whisper, language):
        raise DataError(f"model.language {language}: Whisper has it, but not the checkpoint {name}; choose a newer one")
    whisper.tokenizer.language = language  # None, too, at which the next line would leave another
    whisper.tokenizer.set_prefix_tokens(language=language, task=task, predict_timestamps=False)
    config.language, config.task = language, task


def _knows(whisper: Whisper, language: str) -> bool:
    known = getattr(whisper.model.generation_config, "lang_to_id", None)
    return known is None or f"<|{language}|>" in known


def languages_of(whisper: Whisper, names: Sequence[str], languages: Sequence[str | None]) -> list[str | None]:
    """The language that the model is told of each clip: the clip's own, or else the model's. An English-only one is told none.

    Args:
        whisper: the model, its language and task set.
        names: what to call each clip in the message.
        languages: the code of each clip's own language; None: it has none.

    Raises:
        DataError: when a clip has a language that the model doesn't know, or none where the model has none either.
    """
    own: str | None = getattr(whisper.model.generation_config, "language", None)
    if is_multilingual(whisper.model):
        told = [language or own for language in languages]
        wrong = [n for n, language in enumerate(told) if language is None or not _knows(whisper, language)]
        remedy = "set model.language for clips that have none, and model.name to a model that knows the others"
    else:
        told = [None] * len(languages)
        wrong = [n for n, language in enumerate(languages) if language not in (None, ENGLISH)]
        remedy = "model.name is English-only: take a multilingual model, or remove these rows"
    if wrong:
        first = ", ".join(f"{names[n]}: {languages[n] or 'none'}" for n in wrong[:SHOWN])
        raise DataError(
            f"{len(wrong)} of {len(languages)} clips have a language that the model can't be told ({first}); {remedy}"
        )
    return told


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
