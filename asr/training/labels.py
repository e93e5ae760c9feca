"""Labels: transcripts as the token ids that a model learns to write.

A transcript may carry Whisper's timestamps, `<|0.00|> hello<|1.20|>`, which are then learned with it: its prompt lacks the
token that tells the model to write none.
"""

from collections.abc import Sequence

from transformers import WhisperTokenizer

from asr.base.errors import DataError
from asr.base.text import TIMESTAMP

NO_TIMESTAMPS = "<|notimestamps|>"


def label(tokenizer: WhisperTokenizer, text: str, language: str | None = None) -> list[int]:
    """Token ids of a transcript: the prompt, the text, the end.

    The text begins with a space, as in pretraining (openai/whisper `decoding.py` strips it off again): " hi" and "hi" are other
    tokens.

    Args:
        tokenizer: it writes the prompt, with the task and the language that it is set to.
        text: what is learned.
        language: the code of another language, for the prompt of this transcript.
    """
    is_timed = TIMESTAMP.search(text) is not None
    ids: list[int] = tokenizer(text if is_timed else f" {text}").input_ids
    if language is not None:
        start, *rest = ids
        ids = [start, tokenizer.convert_tokens_to_ids(f"<|{language}|>"), *(rest[1:] if tokenizer.language else rest)]
    if not is_timed:
        return ids
    return [number for number in ids if number != tokenizer.convert_tokens_to_ids(NO_TIMESTAMPS)]


def continuation(tokenizer: WhisperTokenizer, text: str) -> list[int]:
    """Token ids of a text that follows another one."""
    ids: list[int] = tokenizer(f" {text}", add_special_tokens=False).input_ids
    return ids


def require_timestamps_suit(tokenizer: WhisperTokenizer, texts: Sequence[str], packed: bool) -> None:
    """Stop when transcripts carry timestamps that the model can't write, or that packing would make wrong.

    Raises:
        DataError: naming the parameter to change.
    """
    carrying = [text for text in texts if TIMESTAMP.search(text)]
    told = f"{len(carrying)} transcripts carry timestamps"
    if carrying and packed:
        raise DataError(f"{told}, which count from their own clip's start: set train.window to full or fit")
    marks = sorted({mark for text in carrying for mark in TIMESTAMP.findall(text)})
    unknown = [mark for mark in marks if len(tokenizer(mark, add_special_tokens=False).input_ids) != 1]
    if unknown:
        raise DataError(
            f"{told}, but model.name has no token for {', '.join(unknown[:3])} (Whisper's are 0.02 s apart, up to 30 s): "
            "mend the CSV or choose another model.name"
        )
