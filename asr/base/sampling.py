"""Sampling: the rate of the samples that Whisper hears."""

SAMPLE_RATE = 16_000
"""Hz."""
