"""Hashes: of a file's bytes, of everything that determines a run, and of the code that made something."""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

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


def code_version(files: Iterable[Path], packages: Sequence[str], with_messages: bool = True) -> str:
    """A hash that changes with what the code in `files` does and with the versions of installed `packages`.

    Docstrings, comments and layout are not in it: whoever explains the code better need not compute everything anew.

    Args:
        files: the code.
        packages: by their names.
        with_messages: whether the texts of errors and of what is printed count. They have to where what is kept holds them.
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(bare_code(file.read_text(encoding="utf-8"), with_messages).encode())
    digest.update(" ".join(f"{package}=={version(package)}" for package in packages).encode())
    return digest.hexdigest()[:LENGTH]


def files_of(modules: Iterable[ModuleType]) -> list[Path]:
    """The files that hold the modules' code."""
    return [Path(module.__file__) for module in modules if module.__file__ is not None]


def bare_code(source: str, with_messages: bool = True) -> str:
    """Source code without comments, docstrings and other strings that stand alone, in one layout.

    Without messages, it also lacks texts that are given to an error or printed, and those in a function's own names that are
    read for that alone. Calls in them stay, as they may do something, and so does what is no text.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _stands_alone(each)] or [ast.Pass()]  # type: ignore[attr-defined]
    if not with_messages:
        _drop_messages(tree)
    return ast.unparse(tree)


def _stands_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


TELLING = ("print", "sys.exit", "warnings.warn")
STREAMS = ("sys.stderr", "sys.stdout")


def _drop_messages(tree: ast.Module) -> None:
    telling = [call for node in ast.walk(tree) if (call := _telling(node)) is not None]
    told = {id(node) for call in telling for part in call.args if _is_text(part) or _is_read(part) for node in _harmless(part)}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            read = {node.id for node in ast.walk(function) if _is_read(node) and id(node) not in told}
            heard = {node.id for node in ast.walk(function) if _is_read(node) and id(node) in told}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and _is_text(node.value) and _names(node) <= heard - read - _shared(function):
                    node.value = ast.Tuple(list(_acts(node.value)), ast.Load())
    for call in telling:
        call.args = [part for each in call.args for part in (_acts(each) if _is_text(each) else [each])]


def _telling(node: ast.AST) -> ast.Call | None:
    """The call in which a node makes an error or tells something to whoever looks on; None when it does neither."""
    call = node.exc if isinstance(node, ast.Raise) else node
    if not isinstance(call, ast.Call):
        return None
    name = ast.unparse(call.func)
    is_seen = all(ast.unparse(each.value) in STREAMS for each in call.keywords if each.arg == "file")
    return call if isinstance(node, ast.Raise) or name.endswith("Error") or (name in TELLING and is_seen) else None


def _is_read(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _names(node: ast.Assign) -> set[str]:
    """The names that a statement assigns; what is no name is written as it stands, and is nobody's name."""
    return {ast.unparse(target) for target in node.targets}


def _shared(function: ast.FunctionDef) -> set[str]:
    """The names that a function says are not its own."""
    return {name for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}


def _is_text(node: ast.AST) -> bool:
    """Whether an expression is a text by its form: a literal, one of its methods, a sum with one, a choice of one."""
    match node:
        case ast.Constant():
            return isinstance(node.value, str)
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            return _is_text(node.left) or _is_text(node.right)
        case ast.IfExp():
            return _is_text(node.body) or _is_text(node.orelse)
    return isinstance(node, ast.JoinedStr) or _is_method_of_text(node)


def _is_method_of_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_text(node.func.value)


def _harmless(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all of a text but the calls in it and whatever else may do something."""
    if not _may_act(node):
        yield node
        for part in ast.iter_child_nodes(node):
            yield from _harmless(part)


def _acts(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the outermost parts of a text that may do something."""
    if _may_act(node):
        yield node
        return
    for part in ast.iter_child_nodes(node):
        yield from _acts(part)


def _may_act(node: ast.AST) -> TypeGuard[ast.expr]:
    acting = isinstance(node, ast.Call | ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom)
    return acting and not _is_method_of_text(node)
