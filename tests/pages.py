"""A small report, every part of it filled in, for the tests of the page, and what a person reads of a page."""

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from asr.report.comparison import Comparison, Outcome
from asr.report.deployed import Block, Deployed, Listening
from asr.report.page import Page, SliceRow, Speeds, UtteranceRow
from asr.report.slices import Slice
from asr.report.words import Confusion, Recall
from asr.scoring.align import Edit, Span
from asr.scoring.interval import Difference, Interval
from asr.scoring.predictions import Prediction, Summary

BASE = Summary(
    metric="WER", error_rate=61.75, error_rate_low=55.5, error_rate_high=68.25, resampled="speakers", groups=12,
    wer=61.75, cer=48.14, mer=59.1, raw_wer=62.0, raw_cer=48.2,
    substitutions=189, deletions=38, insertions=20, words=400, clips=50, empty=3, cut_off=2, looping=1, ignored_references=7,
    ignored_hypotheses=4,
    looping_errors=47, error_rate_without_loops=50.51,
)  # fmt: skip
TUNED = replace(
    BASE,
    error_rate=24.0,
    error_rate_low=18.25,
    error_rate_high=30.5,
    wer=24.0,
    cer=19.15,
    substitutions=66,
    deletions=17,
    insertions=13,
)
CHANGE = Comparison(
    clips=50, metric="WER", first=61.75, second=24.0, difference=Difference(-37.75, Interval(-44.0, -31.25), 0.0002),
    resampled="speakers", groups=12, speakers=12,
    better=41, worse=3, same=4, heaviest=None, only_first=0, only_second=0, other_reference=0,
)  # fmt: skip
DEPLOYED = Deployed(
    quantization="int8",
    whole_window=Listening(
        25.0, Interval(19.0, 32.0), replace(CHANGE, first=24.0, second=25.0, difference=Difference(1.0, None, None)), None
    ),
    exported=Listening(
        26.0,
        Interval(20.0, 33.0),
        replace(CHANGE, first=25.0, second=26.0, difference=Difference(1.0, Interval(-0.5, 2.5), 0.11)),
        -0.5,
    ),
    size=2_100_000,
    checkpoint_size=6_800_000,
)
CURVES: list[Mapping[str, float | None]] = [
    {
        "step": 1,
        "epoch": 0.5,
        "train_loss": 2.5,
        "learning_rate": 0.001,
        "validation_loss": None,
        "validation_error_rate": None,
    },
    {
        "step": 2,
        "epoch": 1.0,
        "train_loss": 1.5,
        "learning_rate": 0.0005,
        "validation_loss": 1.25,
        "validation_error_rate": 40.0,
    },
    {"step": 4, "epoch": 2.0, "train_loss": None, "learning_rate": 0.0, "validation_loss": 0.75, "validation_error_rate": 20.0},
]


def utterance(path: str, errors: int = 0, words: int = 3, **more: Any) -> UtteranceRow:
    """A clip in which `said` was heard as `heard`; whatever else is by its name."""
    said, heard = more.pop("said", "one two three"), more.pop("heard", "one two three")
    row = {name: more.pop(name) for name in ("audio", "base") if name in more}
    edit: Edit = "equal" if said == heard else "substitute"
    prediction = Prediction(
        dataset="test", id=path, path=path, speaker="spk01", language="en", seconds=1.5,
        reference=said, hypothesis=heard,
        raw_reference=said, raw_hypothesis=heard, metric="WER", errors=errors, words=words,
        substitutions=0, deletions=0, insertions=0, is_cut_off=False, has_loop=False, alignment=(Span(edit, said, heard),),
    )  # fmt: skip
    default = {"audio": path, "base": heard}
    return UtteranceRow(tuned=replace(prediction, **more), **(default | row))


def report(*utterances: UtteranceRow, **more: Any) -> Page:
    """A page with these utterances; whatever else is by its name."""
    page = Page(
        model="models/pico",
        languages=["en"],
        normalizer="basic_english",
        base_window="fit",
        window="fit",
        sets=[Outcome("test", BASE, TUNED, CHANGE), Outcome("everyday", TUNED, TUNED, None)],
        deployed=DEPLOYED,
        used=[Block("word error rate of 50 test clips", {"recordings as they are": ("61.75 %", "24.00 %", "26.00 %")})],
        slices=[
            SliceRow(
                "test",
                Slice("seconds", "2 to 4 s", 50, 400, "WER", 61.75, 55.5, 68.25),
                Slice("seconds", "2 to 4 s", 50, 400, "WER", 24.0, 18.25, 30.5),
            )
        ],
        confusions=[Confusion("too", "two", 7), Confusion("", "uh", 2), Confusion("the", "", 1)],
        recalls={"unseen": (Recall(0, 0), Recall(0, 0)), "rare": (Recall(8, 2), Recall(8, 6))},
        curves=CURVES,
        searched=[],
        keeping=[],
        utterances=utterances,
        data={
            "rows": 1485,
            "rejected": {"silence": 1},
            "noted": {},
            "joined": 0,
            "dropped": {},
            "clips": {"train": 1430, "test": 54},
            "without_speech": 12,
            "without_features": {},
            "hours": {"train": 1.3, "test": 0.05},
            "speakers": {"train": 39, "test": 5},
            "repeated_audio": 0,
            "letters_lost_percent": 0.0,
            "sets": {
                "general": {
                    "rejected": {"silence": 2},
                    "dropped": {},
                    "clips": 60,
                    "hours": 0.05,
                    "speakers": 12,
                    "in_training": 0,
                    "in_validation": 0,
                    "copies": {},
                }
            },
        },
        rejects=[{"line": "42", "path": "a/b.mp3", "reason": "silence", "detail": "no sound", "remedy": "record it again"}],
        speeds=Speeds("speeds", {"base": "0123abc", "tuned": "4567def"}, "89abcde"),
        params={"train": {"epochs": 5, "deep": {"deeper": None}}, "evaluate": {"sets": {}}},
        versions={"train": {"torch": "2.13.0"}, "evaluate": {"torch": "2.14.0", "jiwer": "4.0.0"}},
    )
    return replace(page, **more)


def text(page: str) -> str:
    """What is read: without tags, every space one space."""
    body = re.sub(r"<(style|script|title)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
