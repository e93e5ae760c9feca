"""Tune the base model on the training clips; keep the epoch with the lowest validation WER.

Reads features and transcripts of train and validation; writes models/whisper, a checkpoint that transformers loads, and
metrics/train: curves.csv, summary.json and TensorBoard's events.
"""

import sys
import tempfile
from pathlib import Path

from asr.batch import Examples, pair
from asr.curves import curves
from asr.manifest import TextEntry, read_rows, write_json
from asr.shards import Features
from asr.text import Text, normalizer
from asr.training import Train, train
from asr.whisper import Model, Whisper, load, require_in_window, require_label_positions, require_same_mels
from stages.command import run
from stages.settings import StageParams, read_machine, read_params

FEATURES = Path("data/features")
TEXTS = Path("data/splits/text")
MODEL = Path("models/whisper")
OUT = Path("metrics/train")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Model
    train: Train
    text: Text


def main() -> None:
    """Train."""
    params = read_params(Params)
    whisper = load(params.model.name, params.model.language, params.model.task)
    # Both splits are checked before the first step.
    examples, validation = read_split("train", whisper), read_split("validation", whisper)
    MODEL.mkdir(parents=True, exist_ok=True)
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="checkpoints-", dir=MODEL.parent) as checkpoints:
        trained = train(
            whisper,
            examples,
            validation,
            params.train,
            normalizer(params.text.normalizer),
            checkpoints=Path(checkpoints),
            tensorboard=OUT / "tensorboard",
        )
    whisper.save(MODEL)
    curves(trained.log_history).to_csv(OUT / "curves.csv", index=False)
    write_json(
        OUT / "summary.json",
        {
            "precision": trained.precision,
            "learning_rate": trained.learning_rate,
            "effective_batch": params.train.batch_size * params.train.accumulation,
            "clips": len(examples),
            "steps": trained.steps,
            "epochs": trained.epochs,
            "best_step": trained.best_step,
            "validation_wer": trained.best_wer,
        },
    )
    print(f"train: the best step is {trained.best_step}, validation WER {trained.best_wer:.1f} %", file=sys.stderr)


def read_split(split: str, whisper: Whisper) -> Examples:
    """A split's clips with their labels, once it is sure that the model can take them all."""
    features = Features(FEATURES / split, read_machine().cache_folder)
    require_same_mels(whisper, features.n_mels)
    positions, texts = pair(features, read_rows(TEXTS / f"{split}.jsonl", TextEntry))
    paths = [text.path for text in texts]
    require_in_window(whisper, paths, [len(features[position]) for position in positions])
    labels = [whisper.tokenizer(text.text).input_ids for text in texts]
    require_label_positions(whisper, paths, labels)
    return Examples(features, positions, labels)


if __name__ == "__main__":
    run("train", __doc__, main, writes=(MODEL, OUT))
