"""Score the tuned model on the test split, which training has not seen, and on evaluate.sets.

Reads models/whisper, the features and transcripts, and the pace of those of training; writes metrics/evaluate:
predictions.jsonl and scores.json. How fast it went is said, and shown on the page.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

from pathlib import Path

from asr.model.whisper import load_tuned
from asr.scoring.evaluation import evaluate
from stages.common.pace import read_pace
from stages.common.params import read_params
from stages.testing import Params, read_sets, write

MODEL = Path("models/whisper")
OUT = Path("metrics/evaluate")


def main() -> None:
    """Evaluate the tuned model."""
    params = read_params(Params)
    whisper = load_tuned(MODEL)
    write(OUT, "evaluate", evaluate(whisper, read_sets(), params.decode, params.normalization, read_pace()), params)


if __name__ == "__main__":
    run("evaluate", main, writes=(OUT,))
