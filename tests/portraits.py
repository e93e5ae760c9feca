"""A small set of clips, some of them left out or noted, for the tests of the data page."""

from dataclasses import replace
from typing import Any

from asr.base.entries import Clip, TextEntry
from asr.report.portrait import Material, Portrait, portray

REJECT = {
    "line": "42", "path": "a/b.mp3", "severity": "refuse", "reason": "silence", "detail": "nothing above -60 dB",
    "remedy": "record it again", "decision": "", "file": "data/a/b.mp3", "start": "", "end": "",
}  # fmt: skip
WARNING = REJECT | {"severity": "warn", "reason": "clipped", "line": "7", "path": "c.wav (3 to 4.5 s)", "file": "data/c.wav",
                    "start": "3.0", "end": "4.5"}  # fmt: skip


def clip(name: str, text: str = "take three drops", **more: Any) -> Clip:
    """A clip of two seconds; whatever else is by its name."""
    default = Clip(name, 2, f"data/{name}.wav", "", 2.0, 16_000, 1, text, "ann", {}, peak_db=-3.0, bandwidth=7000)
    return replace(default, **more)


CLIPS = (
    clip("0", extra={"line": "plain"}),
    clip("1", "take four drops", speaker="bob", extra={"line": "phone"}, bandwidth=3400, rate=8000, seconds=3.0),
    clip("2", "one one two", speaker=None, extra={"line": "plain"}, notes=("hum", "hum"), start=1.5, end=3.5, channels=2),
    clip("3", "take five drops", speaker="ann", extra={"line": "plain"}, notes=("hum",)),
    clip("4", speaker="cec", extra={"line": "phone"}, bandwidth=0),
    clip("5", "this one is too short", seconds=0.5, notes=("clicks",)),
)


def entry(clip: Clip, dataset: str = "test") -> TextEntry:
    return TextEntry(dataset, clip.id, clip.path, clip.text, clip.text, clip.speaker, clip.language)


PLACED = {"train": CLIPS[:3], "validation": CLIPS[3:4], "test": CLIPS[4:5]}
SPLITS: dict[str, list[TextEntry]] = {name: [entry(each) for each in clips] for name, clips in PLACED.items()}
DIVIDED: dict[str, Any] = {
    "dropped": {"not over 1 s": 1},
    "given": [],
    "groups": {"train": 2, "validation": 1, "test": 1},
    "speakers_in_two_splits": {"speakers": 1, "clips": 3},
    "clips": {name: len(clips) for name, clips in PLACED.items()},
    "without_speech": 0,
    "hours": {"train": 1.25, "validation": 0.5, "test": 0.25},
    "speakers": {"train": 2, "validation": 1, "test": 1},
    "letters_lost_percent": 0.0,
}


def material(**more: Any) -> Material:
    """Three clips to train on, one to validate with, one to test, one dropped; two are left out, and one of another set."""
    by_id = {clip.id: clip for clip in more.get("clips", CLIPS)}
    default = Material(
        clips=CLIPS,
        placed={name: [by_id[row.id] for row in rows] for name, rows in more.get("splits", SPLITS).items()},
        splits=SPLITS,
        sets={"general": [entry(clip("9", "take a walk"), "general")]},
        validated={"rows": 8, "rejected": {"clipped": 1, "silence": 1}, "repeated_audio": 0},
        divided=DIVIDED,
        tested={"general": {"clips": 1, "hours": 0.05, "speakers": 0, "rejected": {"silence": 1}, "dropped": {}}},
        rejects=[REJECT, WARNING, REJECT | {"dataset": "general", "path": "gone.wav", "file": ""}],
        copies=[],
    )
    return replace(default, **more)


def portrait(unit: str = "words", **more: Any) -> Portrait:
    """The portrait of what `material` makes."""
    return portray(material(**more), lambda row: row.text, unit)
