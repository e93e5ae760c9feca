"""The model as it is deployed: what the export hears is scored as evaluation's predictions are, and beside them."""

from asr.base.entries import Heard, TextEntry
from asr.base.text import Normalization
from asr.model.transcribe import Hypothesis
from asr.report.deployed import deployed, deployed_lines, deployed_metrics, increase
from asr.scoring.evaluation import predictions
from tests.test_report import heard

EVALUATED = [heard("test", clip, "take 3 drops") for clip in range(8)]
SUMMARY = {"quantization": "int8", "bytes": 2_100_000, "checkpoint_bytes": 6_849_000}
HEARD = [
    *(Heard(str(clip), "Take 3 drops!", "take 3 drops") for clip in range(6)),
    *(Heard(str(clip), "take drops", "take") for clip in (6, 7)),
    Heard("lost its features", "anything at all", "anything at all"),
]
FOUND = deployed(SUMMARY, HEARD, EVALUATED, Normalization("basic_english"))


def test_both_ways_of_hearing_are_compared_with_evaluation_on_its_clips() -> None:
    numbers = deployed_metrics(FOUND)

    assert numbers["quantization"] == "int8"
    assert (numbers["error_rate"], numbers["clips"]) == (8.33, 8)  # 2 of 24 words
    assert (numbers["change"]["points"], numbers["change"]["worse"], numbers["change"]["better"]) == (8.33, 2, 0)
    assert numbers["raw"]["error_rate"] == 16.67
    assert (numbers["megabytes"], numbers["checkpoint_megabytes"]) == (2.1, 6.85)
    assert numbers["error_rate_low"] is not None
    assert deployed_lines(FOUND)[1].startswith(
        "test recordings as they are, its int8 export: WER 8.33 %, +8.33 points on 8 clips, 6 speakers (95 %: "
    )


def test_what_is_heard_is_compared_in_the_units_of_evaluation() -> None:
    evaluated = predictions(
        "test",
        [TextEntry("test", "1", "1.wav", "今日は良い天気", "", None, {}, "ja")],
        [1.0],
        [Hypothesis("今日は良い天気", is_cut_off=False)],
        Normalization("auto"),
    )
    found = deployed(SUMMARY, [Heard("1", "今日は、悪い天気。", "今日は良い天気")], evaluated, Normalization("auto"))

    assert (deployed_metrics(found)["metric"], deployed_metrics(found)["error_rate"]) == ("CER", 14.29)
    assert deployed_lines(found)[1].startswith("test recordings as they are, its int8 export: CER 14.29 %, +14.29 points")
    assert (increase(found, 0.5) or "").startswith("the int8 export's CER is 14.29 % on the recordings as they are")


def test_over_the_limit_both_rates_are_named() -> None:
    assert increase(FOUND, 8.5) is None
    assert increase(FOUND, None) is None
    assert increase(FOUND, 0.5) == (
        "the int8 export's WER is 8.33 % on the recordings as they are, evaluation's 0.00 %: worse by more than "
        "export.max_wer_increase, 0.5 points; models/export is kept"
    )


def test_without_an_export_there_is_nothing_to_say() -> None:
    none = deployed({"quantization": None}, [], EVALUATED, Normalization("basic_english"))

    assert none is None
    assert deployed_metrics(none) == {"quantization": None}
    assert deployed_lines(none) == []
    assert increase(none, 0.0) is None
