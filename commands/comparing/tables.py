"""Tables of a comparison, as text or Markdown: of two models, or of several beside the first."""

from collections.abc import Mapping, Sequence

from tabulate import tabulate

from asr.base.rates import SHORT
from asr.report.comparison import Comparison, otherness
from asr.report.figures import drawn, spelled, verdict
from commands.comparing.family import Member, counted, how_judged, metric_of, remarks
from commands.comparing.sides import Side, unlike


def of_two(first: Side, second: Side, members: Sequence[Member], md: bool) -> str:
    """Make a table with a line for each test set that both have, and below what is to be said of them."""
    found = {member.dataset: member.comparison for member in members}
    rate = SHORT[metric_of(members)]
    header = ["", "clips", f"{rate} {first.name}", f"{rate} {second.name}", "difference", "95 %", "p", "better", "worse"]
    rows = [[dataset, *numbers(each), *counts(each)] for dataset, each in found.items() if each]
    told = [*counted(members), *notes(found, first, second), *unlike(first.how, second.how)]
    return "\n".join([table(header, rows, md), "", *listed(told, md)])


def of_several(first: Side, others: Sequence[Side], members: Sequence[Member], md: bool) -> str:
    """Make a table with a line for each model beside the first, for each test set, and below how they are judged."""
    rate = SHORT[metric_of(members)]
    header = [
        "",
        "",
        "clips",
        f"{rate} {first.name}",
        rate,
        "difference",
        "95 %",
        "p",
        "corrected",
        "better",
        "worse",
        "verdict",
    ]
    rows = [
        [
            *(member.dataset, member.name),
            *numbers(member.comparison),
            spelled(member.corrected),
            *counts(member.comparison),
            member.verdict,
        ]
        for member in members
        if member.comparison
    ]
    told = [how_judged(members), *remarks(first, others, members)]
    return "\n".join([table(header, rows, md, texts=(0, 1, 11)), "", *listed(told, md)])


def table(header: Sequence[str], rows: Sequence[Sequence[str]], md: bool, texts: Sequence[int] = (0,)) -> str:
    """Lay out rows; the columns in `texts` begin at the left, the others, of numbers, end at the right."""
    text: str = tabulate(
        rows,
        header,
        tablefmt="pipe" if md else "plain",
        colalign=["left" if column in texts else "right" for column in range(len(header))],
        disable_numparse=True,
    )
    return text


def listed(lines: Sequence[str], md: bool) -> list[str]:
    """Put one line under the other."""
    return [f"{'- ' if md else ''}{line}" for line in lines]


def numbers(comparison: Comparison) -> list[str]:
    """Write how many clips were compared, both rates, and how they differ."""
    difference = comparison.difference
    interval = difference.interval
    return [
        str(comparison.clips),
        f"{comparison.first:.2f} %",
        f"{comparison.second:.2f} %",
        f"{difference.points:+.2f}",
        f"{interval.low:+.2f} to {interval.high:+.2f}" if interval else "-",
        spelled(difference.p),
    ]


def counts(comparison: Comparison) -> list[str]:
    """Write in how many clips the second is better, and worse."""
    return [str(comparison.better), str(comparison.worse)]


def notes(found: Mapping[str, Comparison | None], first: Side, second: Side) -> list[str]:
    """Say what each line of the table means, and where the tests are not the same."""
    lines = []
    for dataset, comparison in found.items():
        if comparison is None:
            where = "without a clip in common" if dataset in second.predictions else f"only in {first.name}"
            lines.append(f"{dataset}: not compared: {where}")
            continue
        how = f" (drawn: {drawn(comparison)})" if comparison.difference.interval else ""
        told = f"{dataset}: {verdict(comparison, second.name)}{how}"
        different = otherness(comparison, first.name, second.name)
        lines.append(f"{told}; {different}" if different else told)
    return [*lines, *(f"{name}: not compared: only in {second.name}" for name in second.predictions if name not in found)]
