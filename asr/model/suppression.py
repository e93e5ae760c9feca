"""Suppression: the tokens of signs that nobody speaks, such as brackets, notes and speaker dashes."""

from collections.abc import Iterator

from transformers import WhisperTokenizer

SIGNS = (
    *'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
    *"<< >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪".split(),
)
NOTES = "♩♪♫♬♭♮♯"
"""Of three bytes each. Their first token begins nothing else."""


def non_speech_tokens(tokenizer: WhisperTokenizer) -> list[int]:
    """The tokens that OpenAI's decoding suppresses by default (openai/whisper `tokenizer.py`), and faster-whisper's.

    A hyphen and an apostrophe are suppressed at the start of a word only. A sign of several tokens is not suppressed: its first
    token may begin a word.
    """
    return sorted({*_starts(tokenizer, " -", " '"), *_whole(tokenizer), *_starts(tokenizer, *_with_space(NOTES))})


def _whole(tokenizer: WhisperTokenizer) -> Iterator[int]:
    for text in _with_space(SIGNS):
        ids = _ids(tokenizer, text)
        if len(ids) == 1:
            yield ids[0]


def _starts(tokenizer: WhisperTokenizer, *texts: str) -> Iterator[int]:
    return (_ids(tokenizer, text)[0] for text in texts)


def _with_space(signs: "tuple[str, ...] | str") -> list[str]:
    return [text for sign in signs for text in (sign, f" {sign}")]


def _ids(tokenizer: WhisperTokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return ids
