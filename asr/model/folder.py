"""The folder of a checkpoint: what transformers 5 saves, and what the programs that open it elsewhere look for besides.

- faster-whisper takes the mels from preprocessor_config.json, and 80 where that is missing, whatever the model takes;
- CTranslate2's converter copies tokenizer.json and preprocessor_config.json;
- whisper.cpp's `convert-h5-to-ggml.py` opens vocab.json, added_tokens.json and config.json, where it wants `max_length`;
- transformers 4 opens all of these, and merges.txt, normalizer.json and special_tokens_map.json, where it looks for
  `additional_special_tokens`; it can't read the list that transformers 5 writes into tokenizer_config.json in their place.
"""

import json
from pathlib import Path
from typing import Any

from transformers import WhisperForConditionalGeneration, WhisperProcessor, WhisperTokenizer

from asr.model.checksums import SUMS, write_sums

FILES = (
    SUMS,
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",  # or its parts and their index, for a model of over 50 GB
    "normalizer.json",
    "preprocessor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)

HOW_IT_WAS_LOADED = ("is_local", "local_files_only")
"""What transformers 5.23 would write into tokenizer_config.json of the folder, and of whether HF_HUB_OFFLINE was set."""


def write_checkpoint(model: WhisperForConditionalGeneration, processor: WhisperProcessor, folder: Path) -> None:
    """Write every one of FILES: the same bytes wherever the checkpoint was loaded from."""
    for said in HOW_IT_WAS_LOADED:
        processor.tokenizer.init_kwargs.pop(said, None)
    model.save_pretrained(folder)
    # Not the processor: transformers 4.45 can't read its processor_config.json, and those that can do without it.
    processor.tokenizer.save_pretrained(folder)
    processor.feature_extractor.save_pretrained(folder)
    _complete_config(folder / "config.json")
    _write(folder / "tokenizer_config.json", _without(folder / "tokenizer_config.json", "extra_special_tokens"))
    _write_vocabulary(processor.tokenizer, folder)
    write_sums(folder)


def _complete_config(path: Path) -> None:
    config = _without(path, "forced_decoder_ids")  # a released checkpoint's, for another language than it was tuned for
    _write(path, {**config, "max_length": config["max_target_positions"]})


def _write_vocabulary(tokenizer: WhisperTokenizer, folder: Path) -> None:
    """Write what tokenizer.json says once more, in the files that were there before it."""
    said = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary: dict[str, int] = said["model"]["vocab"]
    added = {token["content"]: token["id"] for token in said["added_tokens"] if token["content"] not in vocabulary}
    _write(folder / "vocab.json", vocabulary)
    _write(folder / "added_tokens.json", added)
    special = dict(tokenizer.special_tokens_map)
    others = [
        token["content"] for token in said["added_tokens"] if token["special"] and token["content"] not in special.values()
    ]
    _write(folder / "special_tokens_map.json", {**special, "additional_special_tokens": others})
    _write(folder / "normalizer.json", tokenizer.english_spelling_normalizer or _english_spelling())
    merges = (" ".join(merge) for merge in said["model"]["merges"])
    (folder / "merges.txt").write_text("\n".join(("#version: 0.2", *merges, "")), encoding="utf-8")


def _english_spelling() -> dict[str, str]:
    """What the released checkpoints' normalizer.json holds."""
    from whisper_normalizer.english import EnglishSpellingNormalizer  # here, as few checkpoints lack the file

    mapping: dict[str, str] = EnglishSpellingNormalizer().mapping
    return mapping


def _without(path: Path, key: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    said.pop(key, None)
    return said


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
