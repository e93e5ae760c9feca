"""The tables of `bench.gpu`. Imports nothing heavy."""

from collections.abc import Mapping

from bench.gpu.plan import Found
from bench.tables import MEGABYTE, NOTHING, aligned, number

GUIDE = "the guide's settings"

PEAKS = {"H200 NVL": 835, "H200": 989, "H100 NVL": 835, "H100 PCIe": 756, "H100": 989, "A100": 312}
"""TFLOPS in bf16 and fp16 without sparsity, by a part of the device's name; of NVIDIA's data sheets."""

HEAD = ["", "precision", "at once", "clips/s", "x guide", "peak MB", "waited", "of peak", ""]


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
    return aligned(title, [HEAD, *lines], left=(0, 8))


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
        found.said,
    ]
