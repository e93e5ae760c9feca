"""Versions: of the packages that something was made with."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

NONE = "none"

LEARNING = ("accelerate", "numpy", "peft", "tokenizers", "torch", "transformers")
"""What a tuned model may depend on."""

JUDGING = ("jiwer", "whisper-normalizer")
"""What decides besides which epoch, rate and mean are the best."""

HEARING = ("jiwer", "numpy", "tokenizers", "torch", "transformers", "whisper-normalizer")
"""What a score may depend on."""

EXPORTING = ("av", "ctranslate2", "faster-whisper", "numpy", "tokenizers", "torch", "transformers")
"""What an exported model, and what it hears, may depend on."""


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The version of each package, as it is installed."""
    return {package: _version(package) for package in packages}


def changes(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """The packages that are not of the same version, in words."""
    both = [name for name in dict.fromkeys([*first, *second]) if first.get(name) != second.get(name)]
    return [f"{name} {first.get(name, NONE)} -> {second.get(name, NONE)}" for name in both]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NONE
