"""The model as it is deployed: what the export hears is scored as evaluation's predictions are, and beside them."""

from asr.base.entries import Heard, TextEntry
from asr.base.text import Normalization
from asr.model.transcribe import Hypothesis
from asr.report.deployed import Deployed, deployed, deployed_lines, deployed_metrics, increase
from asr.scoring.evaluation import predictions
from tests.test_report import heard

EVALUATED = [heard("test", clip, "take 3 drops") for clip in range(8)]
SUMMARY = {"quantization": "int8", "bytes": 2_100_000, "checkpoint_bytes": 6_849_000}
HEARD = [
    *(Heard(str(clip), "Take 3 drops!", "take 3 drops") for clip in range(6)),
    *(Heard(str(clip), "take", "take drops") for clip in (6, 7)),
    Heard("lost its features", "anything at all", "anything at all"),
]
FOUND = deployed(SUMMARY, HEARD, EVALUATED, Normalization("basic_english"))


def test_the_window_and_the_format_are_told_apart_on_evaluations_clips() -> None:
    numbers = deployed_metrics(FOUND)

    assert numbers["quantization"] == "int8"
    assert (numbers["error_rate"], numbers["clips"]) == (16.67, 8)  # 4 of 24 words
    assert (numbers["change"]["points"], numbers["change"]["worse"], numbers["change"]["better"]) == (8.33, 2, 0)
    assert (numbers["whole_window"]["error_rate"], numbers["whole_window"]["change"]["points"]) == (8.33, 8.33)
    assert (numbers["megabytes"], numbers["checkpoint_megabytes"]) == (2.1, 6.85)
    assert numbers["error_rate_low"] is not None
    whole, exported = deployed_lines(FOUND)
    assert whole.startswith("test, tuned, in whole windows: WER 8.33 %, +8.33 points on 8 clips, 6 speakers (95 %: ")
    assert exported.startswith("test, its int8 export: WER 16.67 %, +8.33 points on 8 clips, 6 speakers (95 %: ")


def test_what_is_heard_is_compared_in_the_units_of_evaluation() -> None:
    evaluated = predictions(
        "test",
        [TextEntry("test", "1", "1.wav", "今日は良い天気", "", None, "ja")],
        [1.0],
        [Hypothesis("今日は良い天気", is_cut_off=False)],
        Normalization("auto"),
    )
    found = deployed(SUMMARY, [Heard("1", "今日は、悪い天気。", "今日は良い天気")], evaluated, Normalization("auto"))

    assert (deployed_metrics(found)["metric"], deployed_metrics(found)["error_rate"]) == ("CER", 14.29)
    assert deployed_lines(found)[1].startswith("test, its int8 export: CER 14.29 %, +14.29 points on 1 clip")
    assert increase(found, 0.5) is None  # one clip tells nothing


def export_of(worse: int, clips: int = 40) -> Deployed | None:
    """An export that loses a word of three in so many clips."""
    heard_of = [Heard(str(clip), "take drops" if clip < worse else "take 3 drops", "take 3 drops") for clip in range(clips)]
    return deployed(SUMMARY, heard_of, [heard("test", clip, "take 3 drops") for clip in range(clips)], Normalization("none"))


def test_over_the_limit_for_sure_both_rates_are_named() -> None:
    assert increase(export_of(20), None) is None
    assert increase(export_of(20), 15.0) is None
    assert increase(export_of(1), 0.5) is None  # 0.83 points, which may be chance
    assert increase(export_of(20), 0.5) == (
        "the int8 export's WER is 16.67 % on the test split's 40 recordings, the tuned model's own in whole windows 0.00 %: "
        "surely worse by 14.34 points, more than export.max_wer_increase, 0.5; models/export is kept: choose another "
        "export.quantization"
    )


def test_without_an_export_there_is_nothing_to_say() -> None:
    none = deployed({"quantization": None}, [], EVALUATED, Normalization("basic_english"))

    assert none is None
    assert deployed_metrics(none) == {"quantization": None}
    assert deployed_lines(none) == []
    assert increase(none, 0.0) is None
