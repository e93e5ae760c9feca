"""The sizes of the released Whispers, and of the bundled model, `pico`.

Of table 1 of arXiv:2212.04356; turbo is large-v3 with 4 decoder layers (openai/whisper, discussion 2363).
"""

from typing import NamedTuple


class Shape(NamedTuple):
    """Layers of encoder and decoder, width, heads, mels."""

    encoder_layers: int
    decoder_layers: int
    width: int
    heads: int
    mels: int = 80


SHAPES = {
    "pico": Shape(3, 2, 128, 4),
    "tiny": Shape(4, 4, 384, 6),
    "base": Shape(6, 6, 512, 8),
    "small": Shape(12, 12, 768, 12),
    "medium": Shape(24, 24, 1024, 16),
    "large-v3": Shape(32, 32, 1280, 20, 128),
    "turbo": Shape(32, 4, 1280, 20, 128),
}
