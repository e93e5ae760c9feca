"""The import closure of a module over this project's own packages, read from the source without running it."""

import ast
from pathlib import Path

PACKAGES = ("asr", "stages")


def import_closure(module: Path, root: Path) -> set[str]:
    """The files, relative to `root`, that importing `module` runs, itself among them.

    A package's `__init__.py` counts when it holds more than a docstring.
    """
    found: set[str] = set()
    waiting = [module]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in found:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name == "__init__.py" and len(tree.body) <= 1:
            continue
        found.add(name)
        waiting.append(path.parent / "__init__.py")
        for imported in _imported_names(tree):
            waiting.extend(_files(imported, root))
    return found


def _imported_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute here"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
            names.add(node.module)
    return {name for name in names if name.split(".")[0] in PACKAGES}


def _files(name: str, root: Path) -> list[Path]:
    path = root.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
