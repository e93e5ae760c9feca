"""A byte flipped in each kind of file that a run leaves, as a disk does it: size, times and rights stay. Whoever reads the file
names it and stops, or what comes of it is the same; where no stage reads it, `make repair` names it.

FLIPS=100 tries every kind; what happened is printed, a line for each.
"""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.project import environment
from tests.runs import REPRO, begun, copied, results

pytestmark = pytest.mark.slow

FLIPS = int(os.environ.get("FLIPS", "2"))
FOLDERS = ("data/validated", "data/splits", "data/sets", "data/mix", "data/features", "data/recordings", "models/whisper",
           "models/export", "models/base.json", "metrics", ".cache", ".dvc/cache")  # fmt: skip
HASH = re.compile(r"[0-9a-f]{16,}(\.dir)?")
REPAIR = "commands.cache repair"
BY_HAND = {
    ".cache/features": "features_train",
    ".cache/inspections.sqlite": "validate",
    ".cache/speeds": "report",
    ".dvc/cache/runs": "usage",
}


def kinds(project: Path) -> dict[str, Path]:
    """A file of each kind, which is its path without hashes and, where several are alike, without its name."""
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        root = project / folder
        for path in sorted(root.rglob("*") if root.is_dir() else [root]):
            if path.is_file() and path.stat().st_size and path.name != ".gitignore":
                name = re.sub(
                    r"/[0-9a-f]{2}/", "/", HASH.sub(lambda match: f"*{match[1] or ''}", path.relative_to(project).as_posix())
                )
                found.setdefault(re.sub(r"events\.out\S*", "events", name), path)
    return found


def reader(project: Path, path: str) -> str:
    """The stage that reads a file; none: REPAIR."""
    for start, stage in BY_HAND.items():
        if path.startswith(start):
            return stage
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    return next(
        (name for name, stage in stages.items() if any(f"{path}/".startswith(f"{dep}/") for dep in stage["deps"])), REPAIR
    )


def flip(path: Path) -> None:
    """Change a bit in the middle."""
    state = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(state.st_size // 2)
        byte = file.read(1)[0]
        file.seek(state.st_size // 2)
        file.write(bytes([byte ^ 1]))
    path.chmod(state.st_mode)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_a_byte_that_a_disk_has_flipped_is_found_before_it_is_used_or_without_effect(tmp_path: Path, finished: Path) -> None:
    log = tmp_path / "log"
    expected, there = results(finished), kinds(finished)
    used = []

    for number, kind in enumerate(sorted(random.Random(5).sample(sorted(there), min(FLIPS, len(there))))):
        project = copied(finished, tmp_path / str(number))
        path = there[kind].relative_to(finished)
        flip(project / path)
        stage = reader(project, path.as_posix())
        force = ["dvc", "repro", "--force", "--single-item", stage]
        command = [sys.executable, "-m", *(["commands.cache", "repair", "--dry-run"] if stage == REPAIR else force)]
        ended = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
        said = ended.stdout + ended.stderr
        named = [
            line
            for line in said.splitlines()
            if any(name in line for name in (path.name, path.parent.as_posix())) and "damaged" in line
        ]
        if named:
            outcome = f"named: {named[0]}"
        elif stage == REPAIR and kind.startswith(".cache"):
            outcome = "no stage reads it"
        else:
            assert stage != REPAIR, said
            assert ended.returncode == 0, said
            assert begun(project, REPRO, log).wait() == 0, log.read_text()
            outcome = "the same results" if results(project) == expected else "OTHER RESULTS"
        print(f"{kind:60} {stage:22} {outcome}")
        if outcome == "OTHER RESULTS":
            used.append(kind)

    assert used == []
