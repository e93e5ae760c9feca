"""Families: several models beside the first, on every test set, judged together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asr.base.rates import UNITS, Metric, together
from asr.report.comparison import SURE_LEVEL, Chances, Comparison, Tone, compare, finding, holm, otherness, tone
from commands.comparing.sides import Side, unlike


@dataclass(frozen=True)
class Member:
    """A model beside the first on one test set.

    Attributes:
        dataset: the test set.
        name: of the model.
        comparison: with the first; None where the two have no clip in common.
        chances: what decides: its p and that of the clips' signs, by Holm's correction where there are several models. None
            where nothing was compared.
    """

    dataset: str
    name: str
    comparison: Comparison | None
    chances: Chances | None = None

    @property
    def corrected(self) -> float | None:
        """The p that decides; None where nobody can tell."""
        return self.chances.rates if self.chances else None

    @property
    def verdict(self) -> str:
        """What it comes to, in a few words."""
        return finding(self.comparison, self.chances) if self.comparison else "not compared"

    @property
    def tone(self) -> Tone:
        """Its colour."""
        return tone(self.comparison, self.chances)


def family(first: Side, others: Sequence[Side]) -> list[Member]:
    """Compare each of the others with the first on each of its test sets, set by set, in the order given.

    All of them are one family for Holm's correction, whatever the set: the best of twenty models on two sets is one of forty.
    One other model alone is not corrected; each of its sets asks a question of its own.
    """
    members = [
        Member(dataset, other.name, compare(rows, other.predictions.get(dataset, [])))
        for dataset, rows in first.predictions.items()
        for other in others
    ]
    found = [member.comparison.chances if member.comparison else None for member in members]
    if len(others) > 1:
        rates = holm([each.rates if each else None for each in found])
        signs = holm([each.signs if each else None for each in found])
        found = [None if sign is None else Chances(rate, sign) for rate, sign in zip(rates, signs, strict=True)]
    return [replace(member, chances=each) for member, each in zip(members, found, strict=True)]


def metric_of(members: Sequence[Member]) -> Metric:
    """What all members are compared by."""
    return together(member.comparison.metric for member in members if member.comparison)


def counted(members: Sequence[Member]) -> list[str]:
    """Say of each test set what errors are counted in; nothing where all count words."""
    if metric_of(members) == "WER":
        return []
    metrics = {member.dataset: member.comparison.metric for member in members if member.comparison}
    return [f"{dataset}: errors are counted in {UNITS[metric]}" for dataset, metric in metrics.items()]


def how_judged(members: Sequence[Member]) -> str:
    """Say how the family is judged."""
    if len({member.name for member in members}) == 1:
        return f"a model is called better or worse where p is under {SURE_LEVEL}"
    count = sum(member.corrected is not None for member in members)
    return (
        f"interval and p are each comparison's own; corrected is p for all {count} together (Holm), "
        f"and a model is called better or worse where that is under {SURE_LEVEL}"
    )


def remarks(first: Side, others: Sequence[Side], members: Sequence[Member]) -> list[str]:
    """Say what was counted and drawn, and where two models were not heard, or not tested, alike."""
    drawn: dict[str, list[str]] = {}
    for member in members:
        if member.comparison and member.comparison.difference.interval:
            drawn.setdefault(member.comparison.resampled, []).append(member.dataset)
    lines = [*counted(members), *(f"drawn: {unit}, in {', '.join(dict.fromkeys(names))}" for unit, names in drawn.items())]
    for member in members:
        different = otherness(member.comparison, first.name, member.name) if member.comparison else "without a clip in common"
        if different:
            lines.append(f"{member.name}, {member.dataset}: {different}")
    for other in others:
        lines += [f"{other.name}, {name}: not in {first.name}" for name in other.predictions if name not in first.predictions]
        lines += [f"{other.name}: {line}" for line in unlike(first.how, other.how)]
    return lines
