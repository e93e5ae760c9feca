"""The released vocabularies as transformers stores them: OpenAI's package carries them as tiktoken's ranks."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import whisper
from transformers import AddedToken, WhisperTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode
from whisper.tokenizer import Tokenizer, get_tokenizer

END_OF_TEXT = "<|endoftext|>"
SPELLINGS = Path(whisper.__file__).parent / "normalizers" / "english.json"

Pair = tuple[bytes, bytes]


@dataclass(frozen=True)
class Vocabulary:
    """Which of OpenAI's vocabularies, and what its folder on the hub does in its own way.

    Args:
        languages: 99, or 100 since large-v3, which knows Cantonese; 0 for the English-only ones.
        is_first: of the models of 2022, whose `<|nospeech|>` is called `<|nocaptions|>`, and whose vocab.json ends with the end
            of text.
    """

    languages: int
    is_first: bool

    @property
    def reference(self) -> Tokenizer:
        """OpenAI's tokenizer. The English-only ones have 99 languages among their tokens, too, and never use them."""
        return get_tokenizer(bool(self.languages), num_languages=self.languages or 99)

    @property
    def special_tokens(self) -> dict[str, int]:
        """Control tokens, languages and timestamps by name, in the order of their ids."""
        by_id = sorted(self.reference.special_tokens.items(), key=lambda token: token[1])
        return {"<|nocaptions|>" if self.is_first and name == "<|nospeech|>" else name: number for name, number in by_id}

    @property
    def control_tokens(self) -> list[str]:
        """The special tokens without the timestamps, which the hub's folders don't count among them."""
        return [name for name, number in self.special_tokens.items() if number < self.reference.timestamp_begin]


def write_tokenizer(vocabulary: Vocabulary, folder: Path) -> None:
    """Write the tokenizer's files, those of earlier versions of transformers among them: version 5 saves fewer."""
    tokens, control = vocabulary.special_tokens, vocabulary.control_tokens
    entries, merges = entries_and_merges(bool(vocabulary.languages))
    if vocabulary.is_first:
        entries = {**entries, END_OF_TEXT: tokens[END_OF_TEXT]}
    tokenizer = WhisperTokenizer(vocab=entries, merges=merges, normalizer_file=SPELLINGS, pad_token=END_OF_TEXT)
    added = [_added(name, name in control) for name in tokens]
    tokenizer.add_tokens(added[: len(control)], special_tokens=True)
    tokenizer.add_tokens(added[len(control) :])
    tokenizer.set_prefix_tokens()  # only now are the tokens there
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.save_vocabulary(str(folder))
    ends = {f"{end}_token": END_OF_TEXT for end in ("bos", "eos", "pad", "unk")}
    named = {"additional_special_tokens": control if vocabulary.is_first else control[1:], **ends}
    write_json(folder / "special_tokens_map.json", named)
    write_json(folder / "added_tokens.json", {name: number for name, number in tokens.items() if name not in entries})
    described = {
        "add_prefix_space": False,
        "added_tokens_decoder": {str(number): _described(token) for token, number in zip(added, tokens.values(), strict=True)},
        **named,
        "clean_up_tokenization_spaces": True,
        "errors": "replace",
        "model_max_length": 1024 if vocabulary.is_first else int(1e30),
        "processor_class": "WhisperProcessor",
        "return_attention_mask": False,
        "tokenizer_class": "WhisperTokenizer",
    }
    write_json(folder / "tokenizer_config.json", described)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write as the hub's folders have it: sorted and indented, in UTF-8."""
    path.write_text(json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


@cache
def entries_and_merges(is_multilingual: bool) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The byte-level BPE of a vocabulary: each entry's id, and the merges in the order in which they are tried."""
    encoding = get_tokenizer(is_multilingual).encoding
    ranks = {encoding.decode_single_token_bytes(number): number for number in range(encoding.eot_token)}
    letters = bytes_to_unicode()
    written = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = [last_merge(token, ranks) for token in ranks if len(token) > 1]
    return {written[token]: number for token, number in ranks.items()}, [(written[a], written[b]) for a, b in merges]


def last_merge(token: bytes, ranks: dict[bytes, int]) -> Pair:
    """The two parts that were joined last to an entry.

    A pair's rank is the rank of what it becomes, and pairs are joined lowest rank first: so its bytes are joined by what ranks
    below the entry itself, until two parts are left.
    """
    parts, own = [bytes([byte]) for byte in token], ranks[token]
    while len(parts) > 2:
        first = min(range(len(parts) - 1), key=lambda at: ranks.get(parts[at] + parts[at + 1], own))
        parts[first : first + 2] = [parts[first] + parts[first + 1]]
    return parts[0], parts[1]


def _added(name: str, is_special: bool) -> AddedToken:
    return AddedToken(name, normalized=not is_special, special=is_special)


def _described(token: AddedToken) -> dict[str, Any]:
    return {key: getattr(token, key) for key in ("content", "lstrip", "normalized", "rstrip", "single_word", "special")}
