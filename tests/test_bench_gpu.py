"""The first run on a GPU: its order, its time, its tables, that a part which goes wrong is a row, and what it imports."""

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from asr.training.plan import Slot
from bench.gpu import process as parts_process
from bench.gpu.command import parsed, tables
from bench.gpu.expected import launches, pass_flops
from bench.gpu.material import examples
from bench.gpu.plan import SKIPPED, Found, Part, allowed, planned
from bench.gpu.process import outcome
from bench.gpu.tables import capabilities_table, peak_of, speed_table
from bench.shapes import random_whisper
from tests import closure
from tests.project import ROOT

THERE = {
    "accelerate", "bench", "asr", "stages", "numpy", "peft", "pydantic", "pydantic_core", "safetensors", "torch", "tqdm",
    "transformers", "yaml",
}  # fmt: skip
GUIDE = Found("yes", "", {
    "clips": 128, "seconds": 16.0, "waited": 0.8, "precision": "fp16", "rows_at_once": 4, "peak_bytes": 5_000_000_000,
    "flops_per_clip": 1e12,
})  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_preloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_process, "PRELOADED", "bench.gpu.plan")


def broken(name: str, seconds: float = 60.0) -> Found:
    return outcome(Part("Capabilities", name, f"tests.broken_parts:{name}", "tiny", "fit"), seconds)


def test_small_and_large_come_first_and_other_shapes_last() -> None:
    order = list(dict.fromkeys(part.table for part in planned(["tiny", "large-v3", "small"])))

    assert order == ["Device", "Speed, small", "Speed, large-v3", "Capabilities", "Speed, tiny"]
    assert [part.name for part in planned(["tiny"]) if part.table == "Speed, tiny"] == [
        "the guide's settings", "training, full", "training, fit", "decoding, full", "decoding, fit",
    ]  # fmt: skip
    assert {part.shape for part in planned(["small"]) if part.table == "Capabilities"} == {"tiny"}
    assert {part.shape for part in planned(["pico"])} == {"pico"}


def test_a_part_has_no_more_time_than_is_left_but_enough_to_begin() -> None:
    part = Part("Capabilities", "lora", "", "tiny", seconds=90.0)

    assert [allowed(part, left) for left in (500.0, 60.0, 5.0, 0.0, -3.0)] == [90.0, 60.0, 30.0, 0.0, 0.0]


def test_parts_that_no_time_is_left_for_are_rows() -> None:
    parts = [Part("One", "first", "", "tiny"), Part("One", "second", "", "tiny"), Part("Two", "third", "", "tiny")]

    def slow(part: Part, seconds: float) -> Found:
        time.sleep(0.2)
        return GUIDE

    assert list(tables(parts, 0.1, slow)) == [("One", {"first": GUIDE, "second": SKIPPED}), ("Two", {"third": SKIPPED})]
    assert "no time left" in capabilities_table("One", {"second": SKIPPED})


def test_a_part_that_works_says_what_it_found() -> None:
    found = broken("works")

    assert (found.state, found.said, found.figures, found.log) == ("yes", "tiny, fit", {"clips": 3}, "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fails", "no kernel image is available"),
        ("crashes", "ended by SIGSEGV"),
        ("exits", "SystemExit: 0"),
        ("absent", "AttributeError: module 'tests.broken_parts' has no attribute 'absent'"),
    ],
)
def test_a_part_that_goes_wrong_is_a_row_that_says_so(name: str, said: str) -> None:
    found = broken(name)

    assert (found.state, found.said, found.figures) == ("no", said, {})
    assert said in capabilities_table("Capabilities", {name: found})


@pytest.mark.slow
def test_a_part_that_hangs_is_stopped_with_what_it_started() -> None:
    found = broken("hangs", seconds=3.0)

    assert found.said.startswith("stopped after 3 s: pid ")
    assert found.seconds < 30
    pid, end = int(found.said.split()[-1]), time.monotonic() + 10
    while runs(pid) and time.monotonic() < end:  # what is killed takes its moment
        time.sleep(0.05)
    assert not runs(pid)


def runs(pid: int) -> bool:
    """Whether a process does; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_table_of_speeds_beside_the_guides() -> None:
    counted = {"launches": 1_000, "pass_flops": [0.0, 0.4 * 989e12 * 0.49]}  # 10 ms of launches, 490 ms of operations
    ours = Found(
        "yes", "", {**GUIDE.figures, "seconds": 2.0, "waited": 0.0, "precision": "bf16", "rows_at_once": 64, **counted}
    )
    heard = Found("yes", "", {"clips": 100, "seconds": 2.0, "precision": "bf16", "peak_bytes": 1_000_000_000})
    gone = Found("no", "out of memory", {})

    lines = speed_table(
        "Speed", {"the guide's settings": GUIDE, "full": ours, "fit": gone, "decoding, fit": heard}, 989.0
    ).splitlines()

    assert lines[1].split() == "precision at once clips/s x guide peak MB waited of peak x expected".split()
    assert lines[2].split()[3:] == "fp16 4 8.00 1.0 5,000 5.0 % 0.8 % -".split()
    assert lines[3].split()[1:] == "bf16 64 64.00 8.0 5,000 0.0 % 6.5 % 4.0".split()
    assert lines[4].split() == ["fit", *8 * "-", "out", "of", "memory"]
    assert lines[5].split()[2:] == "bf16 - 50.00 - 1,000 - - -".split()


def test_no_share_of_a_peak_that_is_not_known_or_not_of_the_format() -> None:
    single = Found("yes", "", {**GUIDE.figures, "precision": "fp32"})

    assert speed_table("Speed", {"full": GUIDE}, None).splitlines()[2].split()[-2:] == ["-", "-"]
    assert speed_table("Speed", {"full": single}, 989.0).splitlines()[2].split()[-2:] == ["-", "-"]


@pytest.mark.slow
def test_a_micro_batch_of_a_deeper_model_launches_more_kernels_and_a_narrower_window_takes_fewer_operations() -> None:
    whisper = random_whisper("pico")
    clips = examples(whisper, 6, longest=2.0)
    step = tuple(Slot((clip,), 400 if clip < 4 else 3000) for clip in range(6))

    narrow, wide = pass_flops(whisper, clips, [step], rows_at_once=2)
    halves = pass_flops(whisper, clips, [step], rows_at_once=1)

    assert launches("tiny") < launches("base") < launches("small")
    assert narrow < wide
    assert halves == [narrow, wide / 2, wide / 2]


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("CPU", None),
    ],
)
def test_the_peak_is_known_by_the_devices_name(device: str, peak: float | None) -> None:
    assert peak_of(device) == peak


def test_shapes_are_asked_for_by_their_names() -> None:
    assert parsed(["--shape", "small", "large-v3"]).shape == ["small", "large-v3"]


def test_the_command_line_is_answered_without_importing_torch() -> None:
    heavy = "{'torch', 'numpy', 'transformers'} & set(sys.modules)"
    program = f"import sys, bench.gpu.command; sys.exit(', '.join({heavy}) or None)"

    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("module", ["gpu/__main__", "gpu/preload"])
def test_it_imports_no_more_than_a_gpu_machine_has(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closure, "PACKAGES", ("asr", "stages", "bench"))
    files = closure.import_closure(ROOT / f"bench/{module}.py", ROOT)

    imported = {name: modules_of(ROOT / name) - THERE - sys.stdlib_module_names for name in files}

    assert {name: beside for name, beside in imported.items() if beside} == {}


def modules_of(path: Path) -> set[str]:
    """Packages that are imported when the module is; what functions import does not count."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[0] for name in names}


@pytest.mark.slow
def test_every_row_of_a_whole_run() -> None:
    command = [sys.executable, "-m", "bench.gpu", "--shape", "pico", "--minutes", "20"]
    result = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr

    found: dict[str, dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])["tables"]
    states = {name: row["state"] for rows in found.values() for name, row in rows.items()}
    said = {name: row["said"] for rows in found.values() for name, row in rows.items()}

    assert [name for name, state in states.items() if state == "no"] == []
    for name in ("device", "fp32", "bf16", "lora", "decoding windows", "weight cache", "activation checkpointing"):
        assert states[name] == "yes"
    assert {said[name] for name, state in states.items() if state == "-"} <= {"needs a GPU", "bitsandbytes is not installed"}
    speeds = found["Speed, pico"]
    assert [row["figures"]["clips"] > 0 for row in speeds.values()] == [True] * 5
    assert speeds["training, fit"]["figures"]["flops_per_clip"] < speeds["training, full"]["figures"]["flops_per_clip"]
