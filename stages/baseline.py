"""Score the base model, before tuning, on the test split and on evaluate.sets.

Reads the features and transcripts, and the pace of those of training; writes metrics/baseline: predictions.jsonl and
scores.json. How fast it went is said, and shown on the page.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

from pathlib import Path

from asr.model.parameters import Model
from asr.model.whisper import load
from asr.scoring.evaluation import evaluate
from stages.common.commit import base_commit
from stages.common.pace import read_pace
from stages.common.params import read_params
from stages.testing import Params as TestingParams
from stages.testing import read_sets, write

OUT = Path("metrics/baseline")


class Params(TestingParams):
    """What this stage reads of params.yaml."""

    model: Model


def main() -> None:
    """Evaluate the base model."""
    params = read_params(Params)
    commit = base_commit(params.model)
    whisper = load(params.model.name, params.model.language, params.model.task, commit)
    evaluation = evaluate(whisper, read_sets(), params.decode, params.normalization, read_pace())
    write(OUT, "baseline", evaluation, params, base_commit=commit)


if __name__ == "__main__":
    run("baseline", main, writes=(OUT,))
