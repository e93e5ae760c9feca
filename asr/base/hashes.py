"""Hashes: of a file's bytes, of everything that determines a run, and of the code that made something."""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

LENGTH = 16
"""Hexadecimal digits."""


def content_hash(content: bytes) -> str:
    """What identifies a file's bytes, 32 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def fingerprint(values: Mapping[str, Any], files: Sequence[Path]) -> str:
    """The hash of `values`, which JSON must know, and of the bytes of `files`, whatever their folders are called."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:LENGTH]


def code_version(files: Iterable[Path], packages: Sequence[str]) -> str:
    """A hash that changes with what the code in `files` does and with the versions of installed `packages`.

    Docstrings, comments and layout are not in it: whoever explains the code better need not compute everything anew.
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(bare_code(file.read_text(encoding="utf-8")).encode())
    digest.update(" ".join(f"{package}=={version(package)}" for package in packages).encode())
    return digest.hexdigest()[:LENGTH]


def files_of(modules: Iterable[ModuleType]) -> list[Path]:
    """The files that hold the modules' code."""
    return [Path(module.__file__) for module in modules if module.__file__ is not None]


def bare_code(source: str) -> str:
    """Source code without comments, docstrings and other strings that stand alone, in one layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
