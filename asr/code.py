"""Code: which version of it made something."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType


def code_version(modules: Sequence[ModuleType], packages: Sequence[str]) -> str:
    """A hash, 16 hexadecimal digits, that changes with the text of `modules` and the versions of installed `packages`."""
    digest = hashlib.sha256()
    for module in modules:
        assert module.__file__ is not None
        digest.update(Path(module.__file__).read_bytes())
    digest.update(" ".join(f"{package}=={version(package)}" for package in packages).encode())
    return digest.hexdigest()[:16]
