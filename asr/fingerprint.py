"""A fingerprint: the hash of everything that determines a run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LENGTH = 16
"""Hexadecimal digits."""


def fingerprint(values: Mapping[str, Any], files: Sequence[Path]) -> str:
    """The hash of `values`, which JSON must know, and of the bytes of `files`, whatever their folders are called."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:LENGTH]
