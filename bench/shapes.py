"""Whispers of random weights in the real sizes, for benches without a network."""

from pathlib import Path

import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from asr.model.whisper import Whisper
from bench.sizes import SHAPES

TOKENIZER = Path(__file__).parents[1] / "models" / "pico"
VOCABULARY, VOCABULARY_V3 = 51_865, 51_866


def random_whisper(name: str) -> Whisper:
    """A model of the shape that goes by `name`, with the bundled model's tokenizer; the vocabulary has the real size."""
    shape = SHAPES[name]
    tokenizer = WhisperTokenizer.from_pretrained(TOKENIZER)
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "decoder_start_token_id": tokenizer.convert_tokens_to_ids("<|startoftranscript|>"),
    }
    config = WhisperConfig(
        vocab_size=VOCABULARY_V3 if shape.mels == 128 else VOCABULARY,
        num_mel_bins=shape.mels,
        d_model=shape.width,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=4 * shape.width,
        decoder_ffn_dim=4 * shape.width,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **special,
    )
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    stated = {"is_multilingual": False, "no_timestamps_token_id": tokenizer.convert_tokens_to_ids("<|notimestamps|>")}
    model.generation_config = GenerationConfig(**stated, **special)
    extractor = WhisperFeatureExtractor(feature_size=shape.mels)
    return Whisper(model, WhisperProcessor(extractor, tokenizer))


def training_flops(whisper: Whisper, window: int, tokens: int) -> float:
    """Of one clip, forward and backward: 6 for each weight and position, and attention's 12 x width for each pair of positions.

    The estimate of appendix B of arXiv:2204.02311, for an encoder of `window` / 2 positions and a decoder of `tokens`.
    """
    config, model = whisper.model.config, whisper.model.model
    positions = window / 2

    def weights(module: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters() if parameter.ndim > 1)

    encoder = weights(model.encoder.layers) * positions + config.encoder_layers * 2 * config.d_model * positions**2
    # Half of what attends across are projections of the encoder's positions.
    across = config.decoder_layers * 2 * config.d_model**2
    decoder = (weights(model.decoder.layers) - across + model.decoder.embed_tokens.weight.numel()) * tokens
    attention = config.decoder_layers * 2 * config.d_model * (tokens**2 + tokens * positions)
    convolutions = (weights(model.encoder.conv1) * 2 + weights(model.encoder.conv2)) * positions
    flops: float = 6 * (encoder + convolutions + across * positions + decoder + attention)
    return flops
