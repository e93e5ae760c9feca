"""Score the tuned model on the test split, which nothing before has looked at.

Reads models/whisper, the test features and transcripts; writes metrics/evaluate: scores.json and predictions.jsonl.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from asr.evaluation import Decode, evaluate_split
from asr.manifest import TextEntry, read_rows, write_json, write_rows
from asr.shards import Features
from asr.text import Text, normalizer
from asr.whisper import load_tuned
from stages.command import run
from stages.settings import StageParams, read_machine, read_params

MODEL = Path("models/whisper")
FEATURES = Path("data/features/test")
TEXTS = Path("data/splits/text/test.jsonl")
OUT = Path("metrics/evaluate")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    decode: Decode
    text: Text


def main() -> None:
    """Evaluate the tuned model."""
    params = read_params(Params)
    evaluation = evaluate_split(
        load_tuned(MODEL),
        Features(FEATURES, read_machine().cache_folder),
        read_rows(TEXTS, TextEntry),
        params.decode,
        normalizer(params.text.normalizer),
    )
    write_json(OUT / "scores.json", asdict(evaluation.score))
    write_rows(OUT / "predictions.jsonl", evaluation.predictions)
    score = evaluation.score
    print(f"evaluate: WER {score.wer:.1f} % on {score.clips} clips", file=sys.stderr)


if __name__ == "__main__":
    run("evaluate", __doc__, main, writes=(OUT,))
