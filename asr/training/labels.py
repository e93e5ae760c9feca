"""Labels: transcripts as the token ids that a model learns to write, and clips with theirs.

A transcript may carry Whisper's timestamps, `<|0.00|> hello<|1.20|>`, which are then learned with it: its prompt lacks the
token that tells the model to write none. That of a clip in which nobody speaks is empty: its label is the prompt and the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import WhisperTokenizer

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.base.text import TIMESTAMP
from asr.model.whisper import Whisper, languages_of
from asr.training.batch import Examples

NO_TIMESTAMPS = "<|notimestamps|>"


@dataclass(frozen=True)
class ChainedFrames(Sequence[NDArray[np.float16]]):
    """Some clips and then others, without reading either."""

    first: Sequence[NDArray[np.float16]]
    second: Sequence[NDArray[np.float16]]

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, index: Any) -> Any:
        return self.first[index] if index < len(self.first) else self.second[index - len(self.first)]


@dataclass(frozen=True)
class PickedFrames(Sequence[NDArray[np.float16]]):
    """Some of the clips, by their places, without reading any."""

    clips: Sequence[NDArray[np.float16]]
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        return self.clips[self.places[index]]


def label(tokenizer: WhisperTokenizer, text: str, language: str | None = None) -> list[int]:
    """Token ids of a transcript: the prompt, the text, the end. An empty one has no text, not even its space.

    The text begins with a space, as in pretraining (openai/whisper `decoding.py` strips it off again): " hi" and "hi" are other
    tokens.

    Args:
        tokenizer: it writes the prompt, with the task and the language that it is set to.
        text: what is learned.
        language: the code of another language, for the prompt of this transcript.
    """
    is_timed = TIMESTAMP.search(text) is not None
    ids: list[int] = tokenizer(text if is_timed else _begun(text)).input_ids
    if language is not None:
        start, *rest = ids
        ids = [start, tokenizer.convert_tokens_to_ids(f"<|{language}|>"), *(rest[1:] if tokenizer.language else rest)]
    if not is_timed:
        return ids
    return [number for number in ids if number != tokenizer.convert_tokens_to_ids(NO_TIMESTAMPS)]


def continuation(tokenizer: WhisperTokenizer, text: str) -> list[int]:
    """Token ids of a text that follows another one; none of an empty text."""
    ids: list[int] = tokenizer(_begun(text), add_special_tokens=False).input_ids
    return ids


def _begun(text: str) -> str:
    return f" {text}" if text else ""


def examples_of(whisper: Whisper, frames: Sequence[NDArray[np.float16]], texts: Sequence[TextEntry]) -> Examples:
    """Clips with the labels of what is said in them, for this model."""
    languages = languages_of(whisper, [text.path for text in texts], [text.language for text in texts])
    labels = [label(whisper.tokenizer, text.text, language) for text, language in zip(texts, languages, strict=True)]
    return Examples(frames, labels, languages, [continuation(whisper.tokenizer, text.text) for text in texts])


def chained(first: Examples, second: Examples) -> Examples:
    """The clips of both."""
    return Examples(
        ChainedFrames(first.frames, second.frames),
        [*first.labels, *second.labels],
        [*first.languages, *second.languages],
        [*first.continuations, *second.continuations],
    )


def at(examples: Examples, places: Sequence[int]) -> Examples:
    """The clips at these places."""
    return Examples(
        PickedFrames(examples.frames, places),
        [examples.labels[place] for place in places],
        [examples.languages[place] for place in places],
        [examples.continuations[place] for place in places],
    )


def spread(total: int, most: int) -> list[int]:
    """So many places of a list at most, from all over it."""
    return [number * total // most for number in range(most)] if total > most else list(range(total))


def without_speech(examples: Examples) -> frozenset[int]:
    """The places of the clips of which nothing is to be written."""
    return frozenset(place for place, text in enumerate(examples.continuations) if not text)


def timed(examples: Examples, tokenizer: WhisperTokenizer) -> frozenset[int]:
    """The places of the clips whose labels have timestamps; none for a model that can't write any."""
    told = tokenizer.convert_tokens_to_ids(NO_TIMESTAMPS)
    if told == tokenizer.unk_token_id:
        return frozenset()
    return frozenset(place for place, ids in enumerate(examples.labels) if told not in ids)


def require_timestamps_known(tokenizer: WhisperTokenizer, texts: Sequence[str]) -> None:
    """Stop when transcripts carry timestamps that the model can't write.

    Raises:
        DataError: naming the parameter to change.
    """
    carrying = [text for text in texts if TIMESTAMP.search(text)]
    marks = sorted({mark for text in carrying for mark in TIMESTAMP.findall(text)})
    unknown = [mark for mark in marks if len(tokenizer(mark, add_special_tokens=False).input_ids) != 1]
    if unknown:
        raise DataError(
            f"{len(carrying)} transcripts carry timestamps, but model.name has no token for {', '.join(unknown[:3])} "
            "(Whisper's are 0.02 s apart, up to 30 s): mend the CSV or choose another model.name"
        )
