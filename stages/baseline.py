"""Score the base model, before tuning, on the test split.

Reads the test features and transcripts; writes metrics/baseline: scores.json and predictions.jsonl.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from asr.evaluation import Decode, evaluate_split
from asr.manifest import TextEntry, read_rows, write_json, write_rows
from asr.shards import Features
from asr.text import Text, normalizer
from asr.whisper import Model, load
from stages.command import run
from stages.settings import StageParams, read_machine, read_params

FEATURES = Path("data/features/test")
TEXTS = Path("data/splits/text/test.jsonl")
OUT = Path("metrics/baseline")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Model
    decode: Decode
    text: Text


def main() -> None:
    """Evaluate the base model."""
    params = read_params(Params)
    whisper = load(params.model.name, params.model.language, params.model.task)
    evaluation = evaluate_split(
        whisper,
        Features(FEATURES, read_machine().cache_folder),
        read_rows(TEXTS, TextEntry),
        params.decode,
        normalizer(params.text.normalizer),
    )
    write_json(OUT / "scores.json", asdict(evaluation.score))
    write_rows(OUT / "predictions.jsonl", evaluation.predictions)
    score = evaluation.score
    print(f"baseline: WER {score.wer:.1f} % on {score.clips} clips", file=sys.stderr)


if __name__ == "__main__":
    run("baseline", __doc__, main, writes=(OUT,))
