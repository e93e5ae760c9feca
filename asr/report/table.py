"""The tables: the few lines that a person wants first, of the data and of a run."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asr.base.entries import TEST_SPLIT
from asr.base.rates import SHORT, UNITS, together
from asr.report.comparison import Comparison, Outcome, finding
from asr.report.figures import duration, spelled, tested_on, verdict
from asr.report.metrics import Findings, Json, data_metrics, told_copies, trained_on
from asr.report.portrait import LANGUAGE, TRAIN_SPLIT, Category, Part, Portrait, Speaker, Spread
from asr.scoring.interval import FEWEST
from asr.scoring.predictions import Summary

MOST_NAMED = 5
"""Reasons and the like that are named in a line of the data's table; the page has all of them."""


def regressions(changes: Mapping[str, Comparison | None], most: float) -> list[str]:
    """The sets that have become worse by more than `most` points, in words."""
    return [
        f"{name}: {SHORT[change.metric]} {change.first:.2f} % -> {change.second:.2f} %, {in_words(change)}"
        for name, change in changes.items()
        if change and change.difference.points > most
    ]


def in_words(change: Comparison) -> str:
    """A difference with what it was found on, its interval and p."""
    difference, interval = change.difference, change.difference.interval
    points = f"{difference.points:+.2f} points on {tested_on(change)}"
    if interval is None:
        return points
    return f"{points} (95 %: {interval.low:+.2f} to {interval.high:+.2f}, p {spelled(difference.p)})"


def table(findings: Findings, tested: Sequence[Outcome], other_packages: Sequence[str] = ()) -> str:
    """The few lines that a person wants first.

    Args:
        findings: what the stages that prepare the data found.
        tested: each test set before and after tuning.
        other_packages: those with which the two models were not scored alike.
    """
    data = data_metrics(findings)
    lines = [
        *_no_gain(tested),
        f"rows in the CSV    {data['rows']}",
        f"rejected           {_counted(data['rejected'])}",
        f"dropped            {_counted(data['dropped'])}",
        *(_split_line(split, data) for split in data["clips"]),
        f"without features   {_counted(data['without_features'])}",
        *(_set_line(name, found) for name, found in data["sets"].items()),
        "",
        *_score_lines(tested),
        "",
        *_loop_lines(tested),
    ]
    lines += [
        f"{each.name}: {SHORT[each.tuned.metric]} {each.base.error_rate:.2f} % -> {each.tuned.error_rate:.2f} %, "
        f"{in_words(each.change)}: {verdict(each.change, 'the tuned model')}{_grade(each)}{_remedy(each)}"
        f"{trained_on(data['sets'].get(each.name, {}))}"
        for each in tested
        if each.change
    ]
    if other_packages:
        lines.append(f"The two were scored with other packages: {', '.join(other_packages)}")
    return "\n".join(lines)


def _no_gain(tested: Sequence[Outcome]) -> Iterator[str]:
    """Say it first when tuning has not made the test split's rate lower."""
    change = next((each.change for each in tested if each.name == TEST_SPLIT), None)
    if change and finding(change) != "better" and change.difference.points >= 0:
        worse = "worse" if finding(change) == "worse" else "no better"
        yield f"The tuned model is {worse} than the base model on the test split: see below."


def _remedy(tested: Outcome) -> str:
    """What helps where the test split has too few speakers for an interval."""
    change = tested.change
    few = change and tested.name == TEST_SPLIT and change.groups < FEWEST and finding(change) != "identical"
    return "; raise split.test_share, or record more speakers" if few else ""


def _grade(tested: Outcome) -> str:
    """What the guide that this pipeline follows calls a good WER, on one's own clips, where tuning is sure to have helped."""
    if not tested.change or finding(tested.change) != "better":
        return ""
    grades = ((5, "great data or a narrow domain"), (10, "excellent"), (15, "solid"))
    grade = next((f"; {words}" for limit, words in grades if tested.tuned.error_rate < limit), "")
    return grade if tested.name == TEST_SPLIT and tested.tuned.metric == "WER" else ""


def _split_line(split: str, data: Mapping[str, Any]) -> str:
    line = f"{split:<19}{data['clips'][split]} clips, {60 * data['hours'][split]:.1f} min"
    silent = data["without_speech"] if split == TRAIN_SPLIT else 0
    return f"{line}{_speakers(data['speakers'][split])}{f'; {silent} without speech' if silent else ''}"


def _set_line(name: str, found: Json) -> str:
    line = f"{name:<19}{found['clips']} clips, {60 * found['hours']:.1f} min{_speakers(found['speakers'])}"
    left_out = {**found["rejected"], **found["dropped"]}
    line += told_copies(found["in_training"], found["in_validation"])
    return f"{line}; left out: {_counted(left_out)}" if left_out else line


def _speakers(count: int) -> str:
    return f", {count:,} speaker{'s' if count > 1 else ''}" if count else ""


def _counted(reasons: Mapping[str, int]) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    return f"{sum(reasons.values())}" + (f" ({listed})" if listed else "")


def _score_lines(tested: Sequence[Outcome]) -> list[str]:
    metrics = {each.tuned.metric for each in tested}
    rate, units = SHORT[together(metrics)], UNITS[together(metrics)]
    lines = [f"{'':<20}clips   {rate:<13}95 %          CER   substituted  deleted  inserted  of {units}"]
    for each in tested:
        of = f" {UNITS[each.tuned.metric]}" if len(metrics) > 1 else ""
        lines += [_score_line(each.name, model, score) + of for model, score in (("base", each.base), ("tuned", each.tuned))]
    return lines


def _score_line(dataset: str, model: str, score: Summary) -> str:
    interval = "-" if score.error_rate_low is None else f"{score.error_rate_low:.2f} to {score.error_rate_high:.2f}"
    return (
        f"{f'{dataset}, {model}':<19}{score.clips:6,d}  {score.error_rate:6.2f} %  {interval:>14}  {score.cer:6.2f} % "
        f"{score.substitutions:11d} {score.deletions:8d} {score.insertions:9d} {score.words:9d}"
    )


def _loop_lines(tested: Sequence[Outcome]) -> list[str]:
    """What the clips in which a model loops do to its rate, as a few make all the difference; then a blank line, if any do."""
    models = [(each.name, model, score) for each in tested for model, score in (("base", each.base), ("tuned", each.tuned))]
    lines = [f"{name}, {model}: {_loops(score)}" for name, model, score in models if score.looping]
    return [*lines, ""] if lines else []


def _loops(score: Summary) -> str:
    """Say how many errors are of how many clips in which a model loops, and what its rate is without them."""
    errors, clips = score.substitutions + score.deletions + score.insertions, f"clip{'s' if score.looping > 1 else ''}"
    rate = "" if score.error_rate_without_loops is None else f"; without them {score.error_rate_without_loops:.2f} %"
    return f"{score.looping_errors:,} of {errors:,} errors are of {score.looping:,} {clips} in which the model loops{rate}"


def data_table(portrait: Portrait, page: Path) -> str:
    """The few lines that a person wants first of the data, and the page that has all of it."""
    material, parts = portrait.material, portrait.parts
    own = [row for row in material.rejects if not row.get("dataset")]
    refused, warned = (Counter(row["reason"] for row in own if row["severity"] == kind) for kind in ("refuse", "warn"))
    lines = [
        ("rows in the table", f"{material.validated['rows']:,}"),
        ("can't be used", _commonest(refused)),
        ("left out for now", _commonest(warned)),
        ("dropped by filters", _commonest(material.divided["dropped"])),
        ("usable, but noted", _commonest({note: len(clips) for note, clips in portrait.noted.items()})),
        *([("without speech", f"{silent:,} of train")] if (silent := material.divided["without_speech"]) else []),
        *((part.name, _part(part)) for part in parts),
        ("seconds", _spread(portrait.seconds)),
        ("characters a second", _spread(portrait.rates)),
        ("loudest sample, dBFS", _spread(portrait.peaks)),
        ("bandwidth", _clips(portrait.bands)),
        ("files", _clips(portrait.formats)),
        ("speakers", _all_speakers(portrait.speakers, portrait.nameless)),
        *((each.column, _clips(_totals(each))) for each in portrait.categories if each.column == LANGUAGE),
        (portrait.unit, f"{portrait.words.total():,} in training, {len(portrait.words):,} of them distinct"),
        ("never in training", _shares({part.name: part.unseen for part in parts}, f"of the {portrait.unit}")),
        ("sentences trained on", _shares({part.name: part.shared for part in parts}, "of the clips")),
        ("page", page.as_posix() + (", which plays what is left out for now and says how to keep it" if warned else "")),
    ]
    return "\n".join(f"{name:<22}{told}" for name, told in lines)


def _part(part: Part) -> str:
    left_out = f"; left out: {_commonest(part.left_out)}" if part.left_out else ""
    copied = told_copies(part.in_training, part.in_validation)
    return f"{part.clips:,} clips, {duration(part.hours)}{_speakers(part.speakers)}{copied}{left_out}"


def _commonest(reasons: Mapping[str, int]) -> str:
    """A sum, and the most of what it is made of."""
    return f"{sum(reasons.values()):,}" + (f" ({_listed(reasons, '{1:,} {0}')})" if reasons else "")


def _clips(kinds: Mapping[str, int]) -> str:
    return _listed(kinds, "{0}: {1:,}")


def _listed(counts: Mapping[str, int], form: str) -> str:
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    others = len(ranked) - MOST_NAMED
    named = ", ".join(form.format(*each) for each in ranked[:MOST_NAMED])
    return f"{named}, {others} other{'s' if others > 1 else ''}" if others > 0 else named


def _spread(values: Sequence[float]) -> str:
    spread = Spread.of(values)
    return f"{spread.low:.1f} to {spread.high:.1f} for 90 % of the clips, median {spread.median:.1f}" if spread else "-"


def _all_speakers(speakers: Sequence[Speaker], nameless: int) -> str:
    each = f"{len(speakers):,}, with {duration(speakers[-1].hours)} to {duration(speakers[0].hours)} each" if speakers else "0"
    return f"{each}; {nameless:,} clips without one" if nameless else each


def _totals(category: Category) -> dict[str, int]:
    return {value: sum(by_split.values()) for value, by_split in category.values.items()}


def _shares(percents: Mapping[str, float | None], of_what: str) -> str:
    known = ", ".join(f"{name} {percent:.1f} %" for name, percent in percents.items() if percent is not None)
    return f"{known} {of_what}" if known else "-"
