"""A model scored as the evaluate stage does it, on the test split, the sets and the validation split of this folder's project.

    python -m bench.real_score KIND FOLDER

KIND is released (FOLDER is not looked at), guide, ours or alone (ours without its share of the base model). Prints one line of
JSON: of each set the id, the errors, the words and the speaker of every clip, in the order of the ids.
"""

import json
import sys
from pathlib import Path

from transformers import logging

from asr.base.entries import TextEntry
from asr.base.files import read_json, read_rows
from asr.model.parameters import Model
from asr.model.whisper import Whisper, is_multilingual, load, load_tuned
from asr.scoring.evaluation import EvaluationSet, evaluate
from asr.scoring.predictions import Prediction
from asr.shards.reader import StoredFeatures
from asr.tuning.weights import between, take, weights_of
from bench.real_outcome import SUMMARY
from stages.common.commit import base_commit
from stages.common.machine import read_machine
from stages.common.pace import read_pace
from stages.common.params import read_params
from stages.examples import FEATURES, TEXTS
from stages.testing import Params as TestingParams
from stages.testing import read_sets

VALIDATION = "validation"


class Params(TestingParams):
    """What is read of params.yaml."""

    model: Model


def loaded(kind: str, folder: Path, model: Model) -> Whisper:
    """The released model as the baseline stage loads it, any other as it was saved.

    The guide tells a multilingual model its language by the labels alone; whoever decodes has to tell it, too.
    """
    if kind == "released":
        return load(model.name, model.language, model.task, base_commit(model))
    whisper = load_tuned(folder)
    if kind == "alone":
        give_back(whisper, model)
    whisper.model.config.use_cache = True  # the guide leaves it off, which changes no text
    if kind == "guide" and is_multilingual(whisper.model):
        config = whisper.model.generation_config
        config.language, config.task = model.language, model.task
    return whisper


def give_back(whisper: Whisper, model: Model) -> None:
    """Take out of a tuned model, in place, the share of the base model that it kept."""
    share = read_json(SUMMARY)["kept_of_base"]
    base = load(model.name, model.language, model.task, base_commit(model))
    beyond = -share / (1 - share)  # on the line from the tuned model to the base, so far on the other side
    take(whisper.model, between(weights_of(whisper.model), weights_of(base.model), beyond))


def clips_of(rows: list[Prediction]) -> dict[str, list[object]]:
    """What is printed of a set."""
    rows = sorted(rows, key=lambda row: (row.id, row.path))
    return {name: [getattr(row, name) for row in rows] for name in ("id", "errors", "words", "speaker")}


def main() -> None:
    """Score."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    kind, folder = sys.argv[1], Path(sys.argv[2])
    params = read_params(Params)
    decode = params.decode.model_copy(update={"window": "full"}) if kind == "guide" else params.decode
    features = StoredFeatures(FEATURES / VALIDATION, read_machine().cache_folder)
    validation = EvaluationSet(VALIDATION, features, read_rows(TEXTS / f"{VALIDATION}.jsonl", TextEntry))
    whisper = loaded(kind, folder, params.model)
    evaluation = evaluate(whisper, [*read_sets(), validation], decode, params.normalization, read_pace())
    print(json.dumps({name: clips_of(rows) for name, rows in evaluation.predictions.items()}))


if __name__ == "__main__":
    main()
