"""The report: numbers that add up, a table to read, and what became worse."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from asr.base.rates import Metric
from asr.base.versions import changes
from asr.report.comparison import Outcome, compare
from asr.report.metrics import Findings, ScoredModel, data_metrics, model_metrics, summed_up
from asr.report.plots import plots
from asr.report.table import regressions, table
from asr.scoring.align import align
from asr.scoring.evaluation import summary
from asr.scoring.predictions import Prediction, PredictionsBySet

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
    in_training={"general": 2},
)


def heard(dataset: str, clip: int, hypothesis: str) -> Prediction:
    (utterance,) = align(["take 3 drops"], [hypothesis])
    counts = utterance.counts
    return Prediction(
        dataset, str(clip), f"{clip}.wav", f"speaker {clip % 4}", "en", {"line": "plain" if clip % 2 else "telephone"},
        1.0 + clip / 2, "take 3 drops", hypothesis, "Take 3 drops.", hypothesis, "WER",
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
    return summed_up(scores, sets, seen)


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
    return summed_up({**model.scores, "sets": {each: vars(summary(found)) for each, found in sets.items()}}, sets, {})


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
        (("CER", "CER"), "    CER          95 %          CER   substituted  deleted  inserted  of characters", "24", "CER"),
        (("mixed", "mixed"), "error rate   95 %          CER", "24", "error rate"),
        (("CER", "WER"), "error rate   95 %          CER", "24 characters", "CER"),
    ],
)
def test_the_table_names_the_rate(metrics: tuple[Metric, Metric], header: str, row: str, line: str) -> None:
    told = [
        replace(each, base=replace(each.base, metric=metric), tuned=replace(each.tuned, metric=metric))
        for each, metric in zip(TESTED, metrics, strict=True)
    ]
    lines = table(FINDINGS, told).splitlines()

    assert lines[9].strip().startswith(header.strip())
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
    assert told[0].startswith("general: WER 0.00 % -> 12.50 %, +12.50 points (95 %: ")


def test_plots_have_a_row_for_each_length_speaker_and_kind_of_error() -> None:
    drawn = plots(BASE, TUNED)

    assert drawn["error_rate_by_length"].to_dict("list") == {
        "seconds": ["0 to 2 s", "2 to 4 s", "4 to 6 s"],
        "clips": [2, 4, 2],
        "words": [6, 12, 6],
        "base_error_rate": [33.33, 33.33, 33.33],
        "error_rate": [0.0, 0.0, 33.33],
    }
    assert list(drawn["error_rate_by_speaker"]["speaker"]) == ["speaker 0", "speaker 1", "speaker 2", "speaker 3"]
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
        "left out: 1 (1 silence)",
        "",
    ]
    assert lines[10].startswith("test, base          33.33 %")
    assert lines[-2].startswith("test: WER 33.33 % -> 8.33 %, -25.00 points (95 %: ")
    assert lines[-2].endswith(": the tuned model is better; excellent")
    assert lines[-1].endswith(": no difference beyond chance")


def test_the_table_says_when_the_two_models_were_scored_with_other_packages() -> None:
    told = table(FINDINGS, TESTED, changes({"torch": "2.13.0"}, {"torch": "2.14.0"}))

    assert told.splitlines()[-1] == "The two were scored with other packages: torch 2.13.0 -> 2.14.0"
    assert "other packages" not in table(FINDINGS, TESTED, changes({"torch": "2.13.0"}, {"torch": "2.13.0"}))
