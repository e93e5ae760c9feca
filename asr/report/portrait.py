"""The portrait: what recordings and transcripts are like, counted and measured before anybody trains on them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr.base.copies import Copy
from asr.base.entries import TEST_SPLIT, Clip, TextEntry
from asr.base.text import spoken
from asr.report.metrics import Json
from asr.report.slices import NOT_SAID, categories
from asr.report.words import Sentence, in_both, unseen_percent, vocabulary

Texts = Mapping[str, Sequence[str]]
"""What is compared of each transcript, by split or test set."""

TRAIN_SPLIT = "train"
LANGUAGE = "language"

BANDS = {4000: "up to 4 kHz (telephone)", 6000: "4 to 6 kHz", 8000: "6 to 8 kHz"}
"""Bandwidths by their upper end in Hz. A model hears up to 8 kHz."""

LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Material:
    """What the stages that prepare the data wrote.

    Attributes:
        clips: every usable one, those that the filters drop among them.
        placed: the usable clips that are in each split; of a clip that was joined of several, these.
        splits, sets: the transcripts of the clips of each.
        validated, divided, tested: the summaries of the stages validate, split and sets.
        rejects: rows that are left out, with the columns of rejects.csv, and `dataset` where they are another set's.
        copies: the clips of other sets whose recording is in train or validation, too.
    """

    clips: Sequence[Clip]
    placed: Mapping[str, Sequence[Clip]]
    splits: Mapping[str, Sequence[TextEntry]]
    sets: Mapping[str, Sequence[TextEntry]]
    validated: Json
    divided: Json
    tested: Json
    rejects: Sequence[Mapping[str, str]]
    copies: Sequence[Copy]


@dataclass(frozen=True)
class Part:
    """A split or another test set.

    Attributes:
        left_out: rows of another test set by reason; those of the splits are counted together.
        unseen: the share of its words that training never has, in percent; None for training itself.
        shared: the share of its clips whose sentence training has too, in percent; None where that isn't known.
        in_training, in_validation: clips of another test set whose recording is in that split, too.
    """

    name: str
    clips: int
    hours: float
    speakers: int
    left_out: Mapping[str, int]
    unseen: float | None
    shared: float | None
    in_training: int = 0
    in_validation: int = 0


@dataclass(frozen=True)
class Speaker:
    """How much somebody says, and in which splits."""

    name: str
    clips: int
    hours: float
    splits: tuple[str, ...]


@dataclass(frozen=True)
class Category:
    """A column whose values repeat: how many clips of each split have which value; the commonest one is first."""

    column: str
    values: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Spread:
    """Where most of some numbers lie: 5 % of them are lower than `low`, and 5 % are higher than `high`."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """That of some numbers; None when there are none."""
        return cls(*(float(each) for each in np.percentile(values, [5, 50, 95]))) if values else None


@dataclass(frozen=True)
class Portrait:
    """All that is told of the data. Whatever is measured of clips is measured of those in the splits in which somebody speaks.

    Attributes:
        material: what it was made of.
        parts: the splits, then the other test sets.
        noted: usable clips about which something is odd, by what that is.
        seconds: the length of each clip.
        rates: the characters a second of each transcript, white space left out.
        peaks: the loudest sample of each clip, in dB below full scale.
        bands, formats: clips by bandwidth, and by rate and channels of their file; the commonest come first.
        speakers: those who say most come first.
        nameless: clips without a speaker.
        categories: the languages, and other columns of the table.
        unit: what words are: `characters` in languages that don't part words.
        words: how often training has each.
        sentences: those that are tested most often come first.
    """

    material: Material
    parts: Sequence[Part]
    noted: Mapping[str, Sequence[Clip]]
    seconds: Sequence[float]
    rates: Sequence[float]
    peaks: Sequence[float]
    bands: Mapping[str, int]
    formats: Mapping[str, int]
    speakers: Sequence[Speaker]
    nameless: int
    categories: Sequence[Category]
    unit: str
    words: Counter[str]
    sentences: Sequence[Sentence]


def portray(material: Material, compared: Callable[[TextEntry], str], unit: str) -> Portrait:
    """Count and measure.

    Args:
        material: of which one split is TRAIN_SPLIT, and one TEST_SPLIT.
        compared: what of a transcript is compared with a hypothesis, with a space between two words.
        unit: what these words are: words or characters.
    """
    placed = [(split, clip) for split, clips in material.placed.items() for clip in clips]
    clips = [clip for _, clip in placed if clip.text]
    splits, sets = (
        {name: [compared(row) for row in rows] for name, rows in texts.items()} for texts in (material.splits, material.sets)
    )
    seen = vocabulary(splits[TRAIN_SPLIT])
    return Portrait(
        material,
        parts=[*_splits(material.divided, splits, seen), *_sets(material, sets, seen)],
        noted=_noted(material.clips),
        seconds=[clip.seconds for clip in clips],
        rates=[len("".join(spoken(clip.text).split())) / clip.seconds for clip in clips],
        peaks=[clip.peak_db for clip in clips],
        bands=_counted(_band(clip.bandwidth) for clip in clips),
        formats=_counted(_format(clip) for clip in clips),
        speakers=_speakers(placed),
        nameless=sum(clip.speaker is None for _, clip in placed),
        categories=_categories(placed),
        unit=unit,
        words=seen,
        sentences=in_both(splits[TRAIN_SPLIT], splits[TEST_SPLIT]),
    )


def _splits(divided: Json, texts: Texts, seen: Mapping[str, int]) -> list[Part]:
    shared = divided.get("shared_sentences", {})
    return [
        Part(
            name, count, divided["hours"][name], divided["speakers"][name], {},
            None if name == TRAIN_SPLIT else unseen_percent(texts[name], seen),
            100 * shared[name] if name in shared else None,
        )
        for name, count in divided["clips"].items()
    ]  # fmt: skip


def _sets(material: Material, texts: Texts, seen: Mapping[str, int]) -> list[Part]:
    inside = Counter((copy.dataset, copy.split) for copy in material.copies)
    return [
        Part(
            name, found["clips"], found["hours"], found["speakers"], {**found["rejected"], **found["dropped"]},
            unseen_percent(texts[name], seen), None, inside[name, "train"], inside[name, "validation"],
        )
        for name, found in material.tested.items()
    ]  # fmt: skip


def _noted(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    found: dict[str, list[Clip]] = {}
    for clip in clips:
        for note in dict.fromkeys(clip.notes):
            found.setdefault(note, []).append(clip)
    return dict(sorted(found.items()))


def _band(bandwidth: int) -> str:
    if not bandwidth:
        return "not known"
    return next((name for end, name in BANDS.items() if bandwidth <= end), f"over {max(BANDS) // 1000} kHz")


def _format(clip: Clip) -> str:
    return f"{clip.rate / 1000:g} kHz {LAYOUTS.get(clip.channels, f'{clip.channels} channels')}"


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _speakers(placed: Sequence[tuple[str, Clip]]) -> list[Speaker]:
    by_name: dict[str, list[tuple[str, Clip]]] = {}
    for split, clip in placed:
        if clip.speaker is not None:
            by_name.setdefault(clip.speaker, []).append((split, clip))
    found = [
        Speaker(name, len(some), sum(clip.seconds for _, clip in some) / 3600, tuple(dict.fromkeys(split for split, _ in some)))
        for name, some in by_name.items()
    ]
    return sorted(found, key=lambda speaker: (-speaker.hours, speaker.name))


def _categories(placed: Sequence[tuple[str, Clip]]) -> list[Category]:
    names = categories([clip.extra for _, clip in placed])
    found = []
    if any(clip.language for _, clip in placed):
        found.append(_category(LANGUAGE, [(split, clip.language) for split, clip in placed]))
    return [*found, *(_category(name, [(split, clip.extra.get(name)) for split, clip in placed]) for name in names)]


def _category(column: str, values: Iterable[tuple[str, str | None]]) -> Category:
    found: dict[str, dict[str, int]] = {}
    for (split, value), count in Counter(values).items():
        by_split = found.setdefault(value or NOT_SAID, {})
        by_split[split] = by_split.get(split, 0) + count  # blank and missing values are one
    return Category(column, dict(sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0]))))
