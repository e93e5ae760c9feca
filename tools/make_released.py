"""Make a checkpoint as OpenAI's are on the hub, without their weights: all that surrounds these is true, they are random.

    python -m tools.make_released small FOLDER                 (a second; 64 wide, 1 layer)
    python -m tools.make_released small FOLDER --full-size     (as wide and deep as the released one)

What it writes is from the package openai-whisper, and from copies of the hub's folders what that lacks: which files there are,
and what config.json and tokenizer_config.json hold. preprocessor_config.json lacks the mel filters, which the first folders
list and nothing reads.
"""

import argparse
import base64
import gzip
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import whisper
from transformers import WhisperConfig, WhisperForConditionalGeneration

from asr.shards.frames import HOP_LENGTH, SAMPLE_RATE
from tools.released_tokenizer import Vocabulary, write_json, write_tokenizer

HEAD = 64
"""How wide a head is in each of them."""


@dataclass(frozen=True)
class Released:
    """A checkpoint's shape (arXiv:2212.04356, table 1; large-v3 has other mels, turbo another decoder) and its vocabulary."""

    vocabulary: Vocabulary
    mels: int
    width: int
    encoder_layers: int
    decoder_layers: int
    pad_token_id: int
    """In config.json: large-v3's isn't the end of text, as its vocabulary's others are."""

    @property
    def heads(self) -> int:
        """In each layer of encoder and decoder."""
        return max(1, self.width // HEAD)

    def resized(self, width: int | None, layers: int | None) -> "Released":
        """The same in another width, and with no more than so many layers; None: as released."""
        return replace(
            self,
            width=width or self.width,
            encoder_layers=min(layers or self.encoder_layers, self.encoder_layers),
            decoder_layers=min(layers or self.decoder_layers, self.decoder_layers),
        )


RELEASED = {
    "tiny.en": Released(Vocabulary(0, True), 80, 384, 4, 4, 50256),
    "small": Released(Vocabulary(99, True), 80, 768, 12, 12, 50257),
    "large-v3": Released(Vocabulary(100, False), 128, 1280, 32, 32, 50256),
    "large-v3-turbo": Released(Vocabulary(100, False), 128, 1280, 32, 4, 50257),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=list(RELEASED))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=1, help="of the encoder and of the decoder")
    parser.add_argument("--full-size", action="store_true", help="the released width and layers instead")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    width, layers = (None, None) if options.full_size else (options.width, options.layers)
    make_released(options.name, options.folder, width, layers, options.seed)


def make_released(name: str, folder: Path, width: int | None = 64, layers: int | None = 1, seed: int = 42) -> Path:
    """Write a folder such as the hub has for `openai/whisper-NAME`; the same bytes for the same arguments.

    Args:
        name: one of RELEASED.
        folder: made if it is not there.
        width: of the model, a multiple of 64 (or less, for one head); None: as released.
        layers: of the encoder and of the decoder, at most as many as released; None: as released.
        seed: of the weights.

    Returns:
        the folder.
    """
    released = RELEASED[name].resized(width, layers)
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WhisperForConditionalGeneration(WhisperConfig(**_shape(released)))
    if not released.vocabulary.is_first:
        model.half()
    model.save_pretrained(folder)
    write_json(folder / "config.json", {**_shape(released), **_first_described(released)})
    write_json(folder / "generation_config.json", _generation(released, alignment_heads(name, released)))
    write_json(folder / "preprocessor_config.json", _preprocessor(released))
    write_tokenizer(released.vocabulary, folder)
    logging.info("%s: %.1f M random weights", folder, model.num_parameters() / 1e6)
    return folder


def alignment_heads(name: str, resized: Released) -> list[list[int]]:
    """The decoder's heads, [layer, head], that follow the speech, by OpenAI's table; of a smaller model those that it has."""
    released = RELEASED[name]
    table = np.frombuffer(gzip.decompress(base64.b85decode(whisper._ALIGNMENT_HEADS[name])), dtype=bool)
    listed: list[list[int]] = np.argwhere(table.reshape(released.decoder_layers, released.heads)).tolist()
    kept = [[layer, head] for layer, head in listed if layer < resized.decoder_layers and head < resized.heads]
    logging.info("%d of the %d heads that follow the speech exist in this size", len(kept), len(listed))
    return kept


def _shape(released: Released) -> dict[str, Any]:
    reference = released.vocabulary.reference
    sides = ("encoder", "decoder")
    return {
        "activation_function": "gelu",
        "architectures": ["WhisperForConditionalGeneration"],
        "bos_token_id": 50257,  # the start of the transcript in English-only ones, the end of text in the others
        "d_model": released.width,
        **{f"{side}_attention_heads": released.heads for side in sides},
        **{f"{side}_ffn_dim": 4 * released.width for side in sides},
        "decoder_layers": released.decoder_layers,
        "decoder_start_token_id": reference.sot,
        "encoder_layers": released.encoder_layers,
        "eos_token_id": reference.eot,
        "is_encoder_decoder": True,
        "max_source_positions": whisper.audio.N_FRAMES // 2,
        "max_target_positions": 448,
        "model_type": "whisper",
        "num_mel_bins": released.mels,
        "pad_token_id": released.pad_token_id,
        "vocab_size": reference.encoding.n_vocab,
    }


def _first_described(released: Released) -> dict[str, Any]:
    """What config.json holds of decoding, as all of it stood there before generation_config.json was thought of."""
    reference = released.vocabulary.reference
    prompt = reference.sot_sequence_including_notimestamps[1:]  # English, for the multilingual ones
    old = {"forced_decoder_ids": _forced(prompt), "suppress_tokens": _suppressed(released)}
    return {
        "begin_suppress_tokens": _suppressed_first(released),
        "max_length": 448,
        "torch_dtype": "float32" if released.vocabulary.is_first else "float16",
        "use_cache": True,
        **(old if released.vocabulary.is_first else {}),
    }


def _generation(released: Released, heads: list[list[int]]) -> dict[str, Any]:
    reference = released.vocabulary.reference
    prompt = [None, reference.transcribe] if released.vocabulary.languages else [reference.no_timestamps]
    languages = {
        "lang_to_id": {f"<|{code}|>": reference.to_language_token(code) for code in reference.all_language_codes},
        "task_to_id": {"transcribe": reference.transcribe, "translate": reference.translate},
    }
    return {
        **({"alignment_heads": heads} if heads else {}),
        "begin_suppress_tokens": _suppressed_first(released),
        "bos_token_id": 50257,
        "decoder_start_token_id": reference.sot,
        "eos_token_id": reference.eot,
        "forced_decoder_ids": _forced(prompt),
        "is_multilingual": bool(released.vocabulary.languages),
        **(languages if released.vocabulary.languages else {}),
        "max_initial_timestamp_index": 50,
        "max_length": 448,
        "no_timestamps_token_id": reference.no_timestamps,
        "pad_token_id": reference.eot,
        "prev_sot_token_id": reference.sot_prev,
        "return_timestamps": False,
        "suppress_tokens": _suppressed(released),
    }


def _forced(prompt: "tuple[int, ...] | list[int | None] | list[int]") -> list[list[int | None]]:
    return [[position, token] for position, token in enumerate(prompt, start=1)]


def _suppressed(released: Released) -> list[int]:
    """OpenAI's `decoding.py`: what is no speech, and all control tokens that stand only in a prompt."""
    say = released.vocabulary.reference
    control = (say.sot, say.transcribe, say.translate, say.sot_lm, say.sot_prev, say.no_speech)
    return sorted({*say.non_speech_tokens, *control})


def _suppressed_first(released: Released) -> list[int]:
    reference = released.vocabulary.reference
    return [*reference.encode(" "), reference.eot]


def _preprocessor(released: Released) -> dict[str, Any]:
    return {
        "chunk_length": whisper.audio.CHUNK_LENGTH,
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": released.mels,
        "hop_length": HOP_LENGTH,
        "n_fft": whisper.audio.N_FFT,
        "n_samples": whisper.audio.N_SAMPLES,
        "nb_max_frames": whisper.audio.N_FRAMES,
        "padding_side": "right",
        "padding_value": 0.0,
        "processor_class": "WhisperProcessor",
        "return_attention_mask": False,
        "sampling_rate": SAMPLE_RATE,
    }


if __name__ == "__main__":
    main()
