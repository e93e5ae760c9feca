"""What every bench prints: tables as plain text, and targets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

MEGABYTE = 1e6
NOTHING = "-"


@dataclass(frozen=True)
class Target:
    """What should hold; `met` is None when this run cannot tell."""

    name: str
    figure: float | None
    limit: float
    unit: str
    met: bool | None


def at_most(name: str, figure: float | None, limit: float, unit: str) -> Target:
    """A target with an upper limit."""
    return Target(f"{name}, at most", figure, limit, unit, None if figure is None else figure <= limit)


def at_least(name: str, figure: float | None, limit: float, unit: str) -> Target:
    """A target with a lower limit."""
    return Target(f"{name}, at least", figure, limit, unit, None if figure is None else figure >= limit)


def targets_table(targets: Sequence[Target]) -> str:
    """A line a target: what was measured, the limit, whether it holds."""
    verdict = {True: "yes", False: "no", None: "can't tell"}
    rows = [
        [target.name, f"{target.limit:.2f}{target.unit}", number(target.figure, ".2f", target.unit), verdict[target.met]]
        for target in targets
    ]
    return aligned("Targets", [["", "limit", "measured", "met"], *rows])


def number(value: float | None, spec: str, unit: str = "") -> str:
    """As `spec` has it, or a dash for none."""
    return NOTHING if value is None else f"{value:{spec}}{unit}"


def aligned(title: str, rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Rows in columns: those at `left` to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([title, *(line.rstrip() for line in lines), ""])
