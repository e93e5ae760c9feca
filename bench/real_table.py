"""What bench.real prints: a line a model, how its error rates differ from others', how long it took, and the targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from asr.base.entries import TEST_SPLIT
from asr.base.errors import DataError
from asr.scoring.interval import Interval
from bench.real_outcome import Kind, Outcome, Trained
from bench.tables import MEGABYTE, NOTHING, Target, aligned, at_least, at_most, number, targets_table

VALIDATION = "validation"

Found = Mapping[Kind, Sequence[Outcome]]
"""The rows that there are, several of `ours`."""

NAMES: dict[Kind, str] = {
    "released": "the released model",
    "guide": "the guide",
    "ours": "ours",
    "alone": "ours, nothing kept of the base",
    "time": "ours in the guide's time",
}
PAIRS: tuple[tuple[Kind, Kind], ...] = (
    ("guide", "released"),
    ("ours", "released"),
    ("alone", "released"),
    ("time", "released"),
    ("ours", "guide"),
    ("time", "guide"),
)


@dataclass(frozen=True)
class Change:
    """A set's WER by one model beside that of `base`: in points, and in percent of it. Intervals are of points and of percent.

    That of the percentage takes the base's rate for given.
    """

    model: Kind
    base: Kind
    test_set: str
    points: float
    interval: Interval | None
    percent: float | None
    percent_interval: Interval | None


def by_kind(outcomes: Sequence[Outcome | None]) -> Found:
    """Order rows as they are printed. Of two of one kind and seed, the first stays.

    Raises:
        DataError: when they are not of the same clips.
    """
    rows: dict[tuple[Kind, int | None], Outcome] = {}
    for outcome in filter(None, outcomes):
        rows.setdefault((outcome.kind, outcome.seed), outcome)
    if len({tuple(row.heard[TEST_SPLIT].id) for row in rows.values()}) > 1:
        raise DataError("--beside: the rows are of other test clips")
    kinds = {kind: [row for row in rows.values() if row.kind == kind] for kind in NAMES}
    return {kind: of_kind for kind, of_kind in kinds.items() if of_kind}


def text(found: Found) -> str:
    """All tables that have a line."""
    compared = changes_table(changes(found)), times_table(found)
    return "\n".join([rows_table(found), *filter(None, compared), targets_table(targets(found))])


def sets_of(found: Found) -> list[str]:
    """The sets besides the test split."""
    heard = next(outcome.heard for outcomes in found.values() for outcome in outcomes)
    return [name for name in heard if name not in (TEST_SPLIT, VALIDATION)]


def rows_table(found: Found) -> str:
    """A line a model, and one for the mean of several seeds."""
    others = sets_of(found)
    head = ["", "epochs", "test WER", "95 %", *others, VALIDATION, "training, s", "validated, s", "all, s", "clips/s"]
    rows = [[*head, "peak MB", "device", "resumed", "others' cores"]]
    for kind, outcomes in found.items():
        rows += [_line(_named(outcome), [outcome], others) for outcome in outcomes]
        if len(outcomes) > 1:
            rows.append(_line(f"{NAMES[kind]}, mean", outcomes, others))
    return aligned("WER in percent", rows)


def _named(outcome: Outcome) -> str:
    return NAMES[outcome.kind] if outcome.seed is None else f"{NAMES[outcome.kind]}, seed {outcome.seed}"


def _line(name: str, outcomes: Sequence[Outcome], others: Sequence[str]) -> list[str]:
    interval = outcomes[0].heard[TEST_SPLIT].corpus(len(outcomes)).interval(errors_in(outcomes, TEST_SPLIT))
    rates = [f"{wer(outcomes, name):.2f}" for name in (*others, VALIDATION)]
    return [name, _epochs(outcomes), f"{wer(outcomes, TEST_SPLIT):.2f}", _between(interval), *rates, *_taken(outcomes)]


def _epochs(outcomes: Sequence[Outcome]) -> str:
    """Those done, of those asked for."""
    each = [outcome.trained for outcome in outcomes if outcome.trained]
    return f"{mean(one.epochs for one in each):g} of {each[0].most_epochs}" if each else NOTHING


def _taken(outcomes: Sequence[Outcome]) -> list[str]:
    """What training took, on average; memory at most."""
    each = [outcome.trained for outcome in outcomes if outcome.trained]
    if not each:
        return [NOTHING] * 8
    return [
        f"{mean(one.training_seconds for one in each):,.0f}",
        f"{mean(one.validated_seconds for one in each):,.0f}",
        f"{mean(one.all_seconds for one in each):,.0f}",
        f"{mean(one.clips_per_second for one in each):.2f}",
        f"{max(one.cuda_bytes or one.peak_rss for one in each) / MEGABYTE:,.0f}",
        " or ".join(dict.fromkeys(one.device for one in each)),
        "yes" if any(one.resumed for one in each) else "no",
        f"{mean(one.others_cores for one in each):.1f}",
    ]


def errors_in(outcomes: Sequence[Outcome], test_set: str) -> list[int]:
    """Errors in each clip, over all models."""
    return [sum(errors) for errors in zip(*(outcome.heard[test_set].errors for outcome in outcomes), strict=True)]


def wer(outcomes: Sequence[Outcome], test_set: str) -> float:
    """The mean of the models' rates, in percent."""
    return mean(outcome.heard[test_set].wer for outcome in outcomes)


def changes(found: Found) -> list[Change]:
    """Each pair of models on the test split, and on the other sets what tuning has done to the released model."""
    return [
        _change(found, model, base, name)
        for model, base in PAIRS
        if model in found and base in found
        for name in (TEST_SPLIT, *(sets_of(found) if base == "released" else []))
    ]


def _change(found: Found, model: Kind, base: Kind, test_set: str) -> Change:
    """Errors are summed over seeds, of which the base has as many, or one that counts as often."""
    mine, other = found[model], found[base]
    errors = [len(mine) * each for each in errors_in(other, test_set)]
    one = other[0].heard[test_set]
    found_difference = one.corpus(len(mine)).difference(errors, errors_in(mine, test_set))
    share = 100 / one.wer if one.wer else None
    inner = found_difference.interval
    return Change(
        model=model,
        base=base,
        test_set=test_set,
        points=found_difference.points,
        interval=inner,
        percent=share and share * found_difference.points,
        percent_interval=Interval(share * inner.low, share * inner.high) if share and inner else None,
    )


def changes_table(found: Sequence[Change]) -> str:
    """A line a change; nothing without one."""
    rows = [["", "than", "set", "points", "95 %", "percent", "95 %"]]
    rows += [
        [
            NAMES[each.model],
            NAMES[each.base],
            each.test_set,
            f"{each.points:+.2f}",
            _between(each.interval),
            number(each.percent, "+.1f"),
            _between(each.percent_interval),
        ]
        for each in found
    ]
    return aligned("How much higher the WER is", rows, left=(0, 1, 2)) if found else ""


def times_table(found: Found) -> str:
    """Seconds of ours over the guide's; nothing where there is only one of the two."""
    rows = [["", "training", "with validation", "all"]]
    rows += [
        [NAMES[kind], *(number(ratio(found, kind, what), ".3f") for what in ("training", "validated", "all"))]
        for kind in ("ours", "time")
        if kind in found and "guide" in found
    ]
    return aligned("Seconds over the guide's", rows) if len(rows) > 1 else ""


def ratio(found: Found, kind: Kind, what: str) -> float | None:
    """Mean seconds of a kind over the guide's; None where one of them isn't there, or they come from unlike machines."""
    each = [_trained(found.get(side, [])) for side in (kind, "guide")]
    if not all(each) or len({one.device for side in each for one in side}) > 1:
        return None
    mine, guide = (mean(getattr(one, f"{what}_seconds") for one in side) for side in each)
    return float(mine / guide)


def _trained(outcomes: Sequence[Outcome]) -> list[Trained]:
    return [outcome.trained for outcome in outcomes if outcome.trained]


def targets(found: Found) -> list[Target]:
    """What the figures of `ours` should reach."""
    by = {(each.base, each.test_set): each for each in changes(found) if each.model == "ours"}

    def lower(base: Kind) -> float | None:
        change = by.get((base, TEST_SPLIT))
        return None if change is None or change.percent is None else 0 - change.percent

    return [
        at_least("test WER under the guide's, relative", lower("guide"), 20, " %"),
        at_most("training over the guide's seconds", ratio(found, "ours", "training"), 0.2, " x"),
        at_least("test WER under the released model's, relative", lower("released"), 30, " %"),
        *(
            at_most(f"{name}: WER over the released model's", by[base, name].points, 0.5, " points")
            for base, name in by
            if name != TEST_SPLIT
        ),
    ]


def _between(found: Interval | None) -> str:
    return f"{found.low:.2f} to {found.high:.2f}" if found else NOTHING
