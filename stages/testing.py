"""What the two stages that test a model share: the parameters, the sets they read, the files they write."""

import sys
from dataclasses import asdict
from pathlib import Path

from asr.base.entries import TEST_SPLIT, TextEntry, read_texts
from asr.base.files import read_rows, write_json, write_rows
from asr.base.rates import SHORT
from asr.base.text import Normalization, Speech, Text
from asr.base.versions import HEARING, versions
from asr.model.parameters import Decode
from asr.scoring.evaluation import Evaluation, EvaluationSet, summary
from asr.scoring.predictions import Summary
from asr.shards.reader import StoredFeatures
from stages.common.machine import read_machine
from stages.common.params import StageParams
from stages.common.speeds import real_time_factor, write_speeds

FEATURES = Path("data/features")
TEST_TEXTS = Path("data/splits/text/test.jsonl")
SET_TEXTS = Path("data/sets/text.jsonl")


class Params(StageParams):
    """What both stages read of params.yaml."""

    decode: Decode
    text: Text
    model: Speech

    @property
    def normalization(self) -> Normalization:
        """What becomes of texts before they are compared."""
        return Normalization.of(self.text, self.model)


def read_sets() -> list[EvaluationSet]:
    """Read the test split, and every set of evaluate.sets."""
    cache = read_machine().cache_folder
    texts = read_texts(SET_TEXTS)
    others = StoredFeatures(FEATURES / "sets", cache) if texts else None
    test = EvaluationSet(TEST_SPLIT, StoredFeatures(FEATURES / "test", cache), read_rows(TEST_TEXTS, TextEntry))
    return [test, *(EvaluationSet(name, others, rows) for name, rows in texts.items() if others is not None)]


def write(out: Path, stage: str, evaluation: Evaluation, params: Params, **facts: str | None) -> None:
    """Write the predictions, what they come to, what else is said of the model, and how fast it went."""
    rows = [row for predictions in evaluation.predictions.values() for row in predictions]
    summaries = {name: summary(predictions) for name, predictions in evaluation.predictions.items()}
    write_rows(out / "predictions.jsonl", rows)
    write_json(
        out / "scores.json",
        {
            **facts,
            "normalizer": params.normalization.names(row.language for row in rows),
            "window": evaluation.window,
            "precision": evaluation.precision,
            "decode": params.decode.model_dump(),
            "versions": versions(HEARING),
            "sets": {name: asdict(each) for name, each in summaries.items()},
        },
    )
    rate = len(rows) / evaluation.taken
    factor = real_time_factor(evaluation.taken, evaluation.sound)
    write_speeds(out / "predictions.jsonl", {"clips_per_second": round(rate, 2), "real_time_factor": factor})
    print(f"{stage}: {len(rows)} clips in {evaluation.taken:.1f} s, {rate:.1f} clips/s", file=sys.stderr)
    for name, each in summaries.items():
        told = f"{SHORT[each.metric]} {each.error_rate:.1f} % on {each.clips} clips{warnings(each)}"
        print(f"{stage}: {name}: {told}", file=sys.stderr)


def warnings(summary: Summary) -> str:
    """Count what a listener would call broken, and what scoring ignores, in words for the log."""
    counted = {
        "without a word": summary.empty,
        "cut off at the limit of tokens": summary.cut_off,
        "in a loop": summary.looping,
        "with words that don't count in the transcript": summary.ignored_references,
        "with words that don't count in the hypothesis": summary.ignored_hypotheses,
    }
    return "".join(f", {count} {what}" for what, count in counted.items() if count)
