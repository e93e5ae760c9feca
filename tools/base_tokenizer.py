"""A small byte-level tokenizer with Whisper's real special tokens."""

import json
from collections.abc import Iterable
from itertools import chain
from string import ascii_lowercase

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AddedToken, WhisperTokenizer
from transformers.models.whisper.tokenization_whisper import LANGUAGES

END_OF_TEXT = "<|endoftext|>"

STARTS = 10_000
"""So often that they become entries."""


def train_tokenizer(sentences: Iterable[str], size: int) -> WhisperTokenizer:
    """Learn `size` byte-level BPE entries from `sentences`, then add the special tokens of an English-only Whisper.

    A space with each letter, with - and with ' is an entry too: other software suppresses the first entry of " -" and of " '",
    which must not be the space alone.
    """
    starts = [f" {sign}" for sign in f"{ascii_lowercase}-'"] * STARTS
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(chain((f" {sentence}" for sentence in sentences), starts), trainer)
    model = json.loads(bpe.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer = WhisperTokenizer(vocab=model["vocab"], merges=merges, pad_token=END_OF_TEXT)
    tokenizer.add_tokens([AddedToken(token, special=True) for token in special_tokens()], special_tokens=True)
    # What it puts around a label was settled when the special tokens were not there yet.
    tokenizer.set_prefix_tokens(language=None, task=None, predict_timestamps=False)
    return tokenizer


def special_tokens() -> list[str]:
    """In the order of the released models, so that ids follow the same arithmetic."""
    languages = [f"<|{code}|>" for code in list(LANGUAGES)[:99]]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    times = [f"<|{step * 0.02:.2f}|>" for step in range(1501)]
    return [END_OF_TEXT, "<|startoftranscript|>", *languages, *(f"<|{task}|>" for task in tasks), *times]
