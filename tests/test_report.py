"""The report: numbers that add up, a table to read, and what became worse."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from asr.base.copies import Copy
from asr.base.rates import Metric
from asr.base.versions import changes
from asr.report.comparison import Outcome, compare
from asr.report.metrics import MOST_NAMED, Findings, ScoredModel, change_metrics, data_metrics, model_metrics, summed_up
from asr.report.plots import plots
from asr.report.table import regressions, table
from asr.scoring.align import align
from asr.scoring.evaluation import summary
from asr.scoring.predictions import Prediction, PredictionsBySet

COPIES = [
    Copy("general", "data/general/1.ogg", "train", "data/sample/7.mp3", "sounds alike"),
    Copy("general", "data/general/2.wav", "train", "calls/9.wav#t=3,5", "same audio"),
    Copy("general", "data/general/2.wav", "validation", "calls/9.wav#t=5,7", "same audio"),
]
FINDINGS = Findings(
    validate={
        "rows": 105,
        "clips": 100,
        "rejected": {"silence": 2, "file not found": 3},
        "repeated_audio": 1,
        "noted": {"clipping": 2},
    },
    split={
        "joined": 0,
        "without_speech": 0,
        "dropped": {"not over 1 s": 10},
        "clips": {"train": 71, "validation": 10, "test": 9},
        "speakers": {"train": 7, "validation": 0, "test": 1},
        "hours": {"train": 0.1, "validation": 0.02, "test": 0.01},
        "given": [],
        "speakers_in_two_splits": {"speakers": 0, "clips": 0},
        "shared_sentences": {"validation": 0.1, "test": 0.2},
        "letters_lost_percent": 0.0,
    },
    sets={"general": {"rows": 9, "rejected": {"silence": 1}, "dropped": {}, "clips": 8, "speakers": 0, "hours": 0.01}},
    features_dropped={"train": 1, "validation": 0, "test": 0},
    copies=COPIES,
)


COLUMNS = {str(clip): {"line": "plain" if clip % 2 else "telephone"} for clip in range(8)}


def heard(dataset: str, clip: int, hypothesis: str) -> Prediction:
    (utterance,) = align(["take 3 drops"], [hypothesis])
    counts = utterance.counts
    return Prediction(
        dataset, str(clip), f"{clip}.wav", f"speaker {clip % 6}", "en", 1.0 + clip / 2,
        "take 3 drops", hypothesis, "Take 3 drops.", hypothesis, "WER",
        counts.errors, counts.length, counts.substitutions, counts.deletions, counts.insertions,
        is_cut_off=False, has_loop=False, alignment=utterance.alignment,
    )  # fmt: skip


def system(test: list[str], general: list[str]) -> ScoredModel:
    said = {"test": test, "general": general}
    sets: PredictionsBySet = {
        name: [heard(name, clip, text) for clip, text in enumerate(texts)] for name, texts in said.items()
    }
    scores = {
        "normalizer": "basic_english",
        "window": "fit",
        "precision": "fp32",
        "sets": {name: vars(summary(rows)) for name, rows in sets.items()},
    }
    seen: Mapping[str, int] = Counter({"take": 9, "drops": 2})
    return summed_up(scores, sets, seen, COLUMNS)


BASE = system(["take drops"] * 8, ["take 3 drops"] * 8)
TUNED = system(["take 3 drops"] * 6 + ["take 4 drops"] * 2, ["take 3 drops"] * 5 + ["take drops"] * 3)
CHANGES = {name: compare(BASE.predictions[name], TUNED.predictions[name]) for name in ("test", "general")}
TESTED = [Outcome(name, BASE.summaries[name], TUNED.summaries[name], CHANGES[name]) for name in CHANGES]


def test_every_row_is_rejected_dropped_or_in_a_split() -> None:
    data = data_metrics(FINDINGS)

    assert data["clips"] == {"train": 71, "validation": 10, "test": 9}
    assert data["dropped"] == {"not over 1 s": 10}
    assert data["without_features"] == {"train": 1}
    assert data["rows"] == sum(data["rejected"].values()) + sum(data["dropped"].values()) + sum(data["clips"].values())


def test_a_models_numbers() -> None:
    numbers = model_metrics(TUNED, CHANGES)

    assert (numbers["error_rate"], numbers["words"], numbers["clips"]) == (8.33, 24, 8)
    assert (numbers["normalizer"], numbers["window"], numbers["resampled"]) == ("basic_english", "fit", "speakers")
    assert numbers["change"]["points"] == -25.0
    assert numbers["sets"]["general"]["change"]["points"] == 12.5
    assert numbers["recall"] == {
        "unseen": {"words": 8, "percent": 75.0},
        "rare": {"words": 8, "percent": 100.0},
        "common": {"words": 8, "percent": 100.0},
    }
    assert set(numbers["slices"]) == {"seconds", "line"}  # all have digits; speakers may be thousands
    assert numbers["slices"]["line"]["telephone"] == {"metric": "WER", "error_rate": 8.33, "words": 12, "clips": 4}


def in_language(code: str, metric: Metric, model: ScoredModel, name: str) -> ScoredModel:
    """The model with every other clip of a set in another language."""
    rows = [
        replace(row, language=code, metric=metric) if number % 2 else row for number, row in enumerate(model.predictions[name])
    ]
    sets = {**model.predictions, name: rows}
    return summed_up({**model.scores, "sets": {each: vars(summary(found)) for each, found in sets.items()}}, sets, {}, {})


def test_a_set_of_several_languages_has_a_rate_for_each() -> None:
    test, general = (model_metrics(in_language("ja", "CER", TUNED, name), {}) for name in ("test", "general"))

    assert (test["metric"], test["error_rate"], test["wer"]) == ("mixed", 8.33, None)
    assert test["slices"]["language"] == {
        "en": {"metric": "WER", "error_rate": 8.33, "words": 12, "clips": 4},
        "ja": {"metric": "CER", "error_rate": 8.33, "words": 12, "clips": 4},
    }
    assert (general["metric"], general["wer"], general["sets"]["general"]["metric"]) == ("WER", 8.33, "mixed")
    assert set(general["sets"]["general"]["slices"]) == {"language"}
    assert general["sets"]["general"]["slices"]["language"]["en"]["error_rate"] == 8.33
    assert model_metrics(TUNED, {})["sets"]["general"]["slices"] == {}


@pytest.mark.parametrize(
    ("metrics", "header", "row", "line"),
    [
        (("CER", "CER"), "clips   CER          95 %          CER   substituted  deleted  inserted  of characters", "24", "CER"),
        (("mixed", "mixed"), "clips   error rate   95 %          CER", "24", "error rate"),
        (("CER", "WER"), "clips   error rate   95 %          CER", "24 characters", "CER"),
    ],
)
def test_the_table_names_the_rate(metrics: tuple[Metric, Metric], header: str, row: str, line: str) -> None:
    told = [
        replace(each, base=replace(each.base, metric=metric), tuned=replace(each.tuned, metric=metric))
        for each, metric in zip(TESTED, metrics, strict=True)
    ]
    lines = table(FINDINGS, told).splitlines()

    assert lines[9].strip().startswith(header)
    assert lines[10].endswith(row)
    assert lines[-2].startswith(f"test: {line} 33.33 % -> 8.33 %, -25.00 points")
    assert "excellent" not in lines[-2]  # which the guide says of a WER


def test_metrics_hold_no_list_which_dvc_would_drop() -> None:
    def lists(value: object) -> bool:
        return isinstance(value, list | tuple) or (isinstance(value, dict) and any(lists(each) for each in value.values()))

    assert not lists(data_metrics(FINDINGS))
    assert not lists(model_metrics(BASE, {}))
    assert not lists(model_metrics(TUNED, CHANGES))


def test_what_became_worse_is_told_with_its_numbers() -> None:
    assert regressions(CHANGES, most=20) == []
    told = regressions(CHANGES, most=5)
    assert len(told) == 1
    assert told[0].startswith("general: WER 0.00 % -> 12.50 %, +12.50 points on 8 clips, 6 speakers (95 %: ")


def test_plots_have_a_row_for_each_length_speaker_and_kind_of_error() -> None:
    drawn = plots(BASE, TUNED)

    assert drawn["error_rate_by_length"].to_dict("list") == {
        "seconds": ["0 to 2 s", "2 to 4 s", "4 to 6 s"],
        "clips": [2, 4, 2],
        "words": [6, 12, 6],
        "base_error_rate": [33.33, 33.33, 33.33],
        "error_rate": [0.0, 0.0, 33.33],
    }
    assert list(drawn["error_rate_by_speaker"]["speaker"]) == [f"speaker {number}" for number in range(6)]
    assert drawn["errors"].to_numpy().tolist() == [["substitutions", 0, 2], ["deletions", 8, 0], ["insertions", 0, 0]]


def test_the_table_says_how_many_clips_of_training_are_without_speech() -> None:
    marked = replace(FINDINGS, split={**FINDINGS.split, "without_speech": 7})

    assert "train              71 clips, 6.0 min, 7 speakers; 7 without speech" in table(marked, TESTED).splitlines()
    assert data_metrics(marked)["without_speech"] == 7


def test_the_table() -> None:
    lines = table(FINDINGS, TESTED).splitlines()

    assert lines[:9] == [
        "rows in the CSV    105",
        "rejected           5 (2 silence, 3 file not found)",
        "dropped            10 (10 not over 1 s)",
        "train              71 clips, 6.0 min, 7 speakers",
        "validation         10 clips, 1.2 min",
        "test               9 clips, 0.6 min, 1 speaker",
        "without features   1 (1 train)",
        "general            8 clips, 0.6 min; 2 of them are trained on too, so its error rate is too good; "
        "1 of them is in validation too, which chooses the epoch; "
        "left out: 1 (1 silence)",
        "",
    ]
    assert lines[10].startswith("test, base              8   33.33 %")
    assert lines[-2].startswith("test: WER 33.33 % -> 8.33 %, -25.00 points on 8 clips, 6 speakers (95 %: ")
    assert lines[-2].endswith(": the tuned model is better; excellent")
    assert lines[-1].endswith(
        ": too uncertain to tell: 50 % of the errors, more or less, may be chance with 6 speakers; but 2 of its 8 clips "
        "are trained on, so its error rate is too good"
    )


@pytest.mark.parametrize(("clips", "told"), [(20, True), (21, False)])
def test_the_verdict_names_copies_where_they_are_a_tenth_of_the_set(clips: int, told: bool) -> None:
    few = replace(FINDINGS, sets={"general": {**FINDINGS.sets["general"], "clips": clips}})
    lines = table(few, TESTED).splitlines()

    assert ("trained on" in lines[-1]) is told
    assert "2 of them are trained on too" in lines[7]
    assert "trained on" not in lines[-2]


def test_a_set_without_copies_says_nothing_of_them() -> None:
    clean = replace(FINDINGS, copies=[])

    assert not re.search("trained on|in validation", table(clean, TESTED))
    assert [data_metrics(clean)["sets"]["general"][key] for key in ("in_training", "in_validation", "copies")] == [0, 0, {}]


def test_metrics_count_a_sets_copies_and_name_the_first_with_what_they_are_of() -> None:
    found = data_metrics(FINDINGS)["sets"]["general"]
    many = [replace(COPIES[0], path=f"{number}.wav") for number in range(50)]

    assert (found["in_training"], found["in_validation"]) == (2, 1)
    assert found["copies"] == {
        "data/general/1.ogg": "train: data/sample/7.mp3 (sounds alike)",
        "data/general/2.wav": "train: calls/9.wav#t=3,5 (same audio); validation: calls/9.wav#t=5,7 (same audio)",
    }
    more = data_metrics(replace(FINDINGS, copies=many))["sets"]["general"]
    assert (more["in_training"], len(more["copies"])) == (50, MOST_NAMED)


def test_the_table_says_what_the_clips_that_loop_make_of_a_rate() -> None:
    """Three hypotheses of released weights on 799 clips were a third of all errors."""
    base = replace(
        TESTED[0].base, substitutions=1_300, deletions=181, insertions=1_100, looping=3, looping_errors=847,
        error_rate_without_loops=35.7,
    )  # fmt: skip
    tuned = replace(TESTED[0].tuned, substitutions=2, deletions=0, insertions=0, looping=1, looping_errors=2)
    lines = table(FINDINGS, [replace(TESTED[0], base=base, tuned=replace(tuned, error_rate_without_loops=None))]).splitlines()

    assert "test, base: 847 of 2,581 errors are of 3 clips in which the model loops; without them 35.70 %" in lines
    assert "test, tuned: 2 of 2 errors are of 1 clip in which the model loops" in lines
    assert "loops" not in table(FINDINGS, TESTED)


def test_the_table_says_when_the_two_models_were_scored_with_other_packages() -> None:
    told = table(FINDINGS, TESTED, changes({"torch": "2.13.0"}, {"torch": "2.14.0"}))

    assert told.splitlines()[-1] == "The two were scored with other packages: torch 2.13.0 -> 2.14.0"
    assert "other packages" not in table(FINDINGS, TESTED, changes({"torch": "2.13.0"}, {"torch": "2.13.0"}))


def outcome(base: list[str], tuned: list[str], speakers: int = 6) -> Outcome:
    """The test split before and after tuning, clips dealt out to speakers in turn."""
    first, second = (
        [replace(heard("test", clip, text), speaker=str(clip % speakers)) for clip, text in enumerate(texts)]
        for texts in (base, tuned)
    )
    return Outcome("test", summary(first), summary(second), compare(first, second))


RIGHT, WRONG, WORSE = "take 3 drops", "take drops", "take"


@pytest.mark.parametrize(
    ("base", "tuned", "said"),
    [
        ([RIGHT] * 12, [WRONG] * 7 + [RIGHT] * 5, "worse"),
        ([RIGHT, WRONG] * 6, [WRONG, RIGHT] * 6, "no better"),
        ([WRONG] * 12, [WRONG] * 12, "no better"),
    ],
)
def test_a_tuned_model_that_is_no_better_says_so_first(base: list[str], tuned: list[str], said: str) -> None:
    lines = table(FINDINGS, [outcome(base, tuned)]).splitlines()

    assert lines[0] == f"The tuned model is {said} than the base model on the test split: see below."
    assert lines[1].startswith("rows in the CSV")


def test_a_gain_that_may_be_chance_is_not_denied_in_the_first_line_and_has_no_grade() -> None:
    lines = table(FINDINGS, [outcome([WRONG, RIGHT, RIGHT] * 10, [RIGHT, WRONG, *[RIGHT] * 28])]).splitlines()

    assert lines[0].startswith("rows in the CSV")
    assert "WER 11.11 % -> 1.11 %" in lines[-1]
    assert not lines[-1].endswith("domain")


def test_by_two_speakers_the_table_has_no_interval_and_says_what_would_help() -> None:
    lines = table(FINDINGS, [outcome([WRONG, RIGHT, WORSE] * 4, [RIGHT] * 12, speakers=2)]).splitlines()

    assert lines[-4].split() == ["test,", "base", "12", "33.33", "%", "-", "27.78", "%", "0", "12", "0", "36"]
    assert lines[-1] == (
        "test: WER 33.33 % -> 0.00 %, -33.33 points on 12 clips, 2 speakers: 2 speakers are too few for an interval: "
        "5 or more test speakers give one; raise split.test_share, or record more speakers"
    )


def test_the_metrics_of_a_change_have_its_verdict_and_counts() -> None:
    tested = (outcome([WRONG, RIGHT] * 6, [RIGHT, RIGHT] * 6, speakers=2), outcome([WRONG] * 12, [WRONG] * 12))
    change, alike = (change_metrics(each.change) for each in tested if each.change)

    assert (change["verdict"], change["groups"], change["speakers"], change["points_low"]) == ("too few to tell", 2, 2, None)
    assert (change["clips"], change["better"], change["worse"], change["same"], change["p_signs"]) == (12, 6, 0, 6, 0.0312)
    assert (alike["verdict"], alike["same"]) == ("identical", 12)
