"""The tables of `bench.gpu`. Imports nothing heavy."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.gpu.plan import Found
from bench.tables import MEGABYTE, NOTHING, aligned, number

GUIDE = "the guide's settings"

PEAKS = {"H200 NVL": 835, "H200": 989, "H100 NVL": 835, "H100 PCIe": 756, "H100": 989, "A100": 312}
"""TFLOPS in bf16 and fp16 without sparsity, by a part of the device's name; of NVIDIA's data sheets."""

LAUNCH_SECONDS = 1e-5
"""Of the host's, for one of torch's operations with autocast and autograd around it: on CPUs of today some 5 to 15 µs."""

SHARE_OF_PEAK = 0.4
"""Of a GPU's peak in 16 bits, for matrices of these sizes."""

HEAD = ["", "precision", "at once", "clips/s", "x guide", "peak MB", "waited", "of peak", "x expected", ""]


def peak_of(device: str) -> float | None:
    """A GPU's TFLOPS in 16 bits, where they are known."""
    return next((float(peak) for part, peak in PEAKS.items() if part in device), None)


def capabilities_table(title: str, rows: Mapping[str, Found]) -> str:
    """A line a capability: whether it is there, seconds, what was seen."""
    lines = [[name, found.state, f"{found.seconds:.1f}", found.said] for name, found in rows.items()]
    return aligned(title, [["", "works", "s", ""], *lines], left=(0, 3))


def speed_table(title: str, rows: Mapping[str, Found], peak_tflops: float | None) -> str:
    """A line a way of training or decoding."""
    guide = clips_per_second(rows[GUIDE]) if GUIDE in rows else None
    lines = [_line(name, found, guide, peak_tflops) for name, found in rows.items()]
    return aligned(title, [HEAD, *lines], left=(0, 9))


def clips_per_second(found: Found) -> float | None:
    """None of a part without a result."""
    figures = found.figures
    return figures["clips"] / figures["seconds"] if "clips" in figures else None


def _line(name: str, found: Found, guide: float | None, peak_tflops: float | None) -> list[str]:
    figures, speed = found.figures, clips_per_second(found)
    if speed is None:
        return [name, *[NOTHING] * (len(HEAD) - 2), found.said]
    peak = figures.get("peak_bytes")
    trains = "flops_per_clip" in figures
    # The peak is that of 16 bits.
    known = peak_tflops if trains and figures["precision"] != "fp32" else None
    return [
        name,
        figures["precision"],
        str(figures.get("rows_at_once", NOTHING)),
        f"{speed:.2f}",
        number(speed / guide if guide and trains else None, ".1f"),
        number(peak / MEGABYTE if peak else None, ",.0f"),
        number(100 * figures["waited"] / figures["seconds"] if trains else None, ".1f", " %"),
        number(100 * figures["flops_per_clip"] * speed / (1e12 * known) if known else None, ".1f", " %"),
        number(_over_expected(figures, known), ".1f"),
        found.said,
    ]


def _over_expected(figures: Mapping[str, Any], peak_tflops: float | None) -> float | None:
    """How many times as long it took as `expected_seconds` says."""
    if not peak_tflops or "pass_flops" not in figures:
        return None
    return float(figures["seconds"]) / expected_seconds(figures["launches"], figures["pass_flops"], peak_tflops)


def expected_seconds(launches: int, flops: Sequence[float], peak_tflops: float) -> float:
    """The time of micro-batches that launch so many kernels each: of each the dearer of two prices, as a GPU computes while the
    host launches what comes next.
    """
    return sum(max(launches * LAUNCH_SECONDS, each / (SHARE_OF_PEAK * 1e12 * peak_tflops)) for each in flops)
