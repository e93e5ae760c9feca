"""Tune the base model on the training clips; keep the epoch with the lowest validation WER.

Reads features and transcripts of train and validation; writes models/whisper, a checkpoint that transformers loads, and
metrics/train: curves.csv, validation.csv, summary.json and TensorBoard's events.

Checkpoints are kept outside of the outputs, in a folder of their own for every run that differs in its parameters, data, base
model or code. A run that was killed goes on from its last one; a run that is done removes them.
"""

from asr.lifeline import Wish, end_with_parent

if __name__ == "__main__":
    end_with_parent()  # before the imports, which take seconds in which DVC may die

import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import asr
from asr.batch import Examples
from asr.checkpoints import claimed, remove, remove_unfinished
from asr.code import code_version
from asr.connection import connected
from asr.curves import curves
from asr.errors import DataError
from asr.fingerprint import fingerprint
from asr.labels import continuation, label, require_timestamps_suit
from asr.manifest import TextEntry, read_rows, write_json
from asr.optimizer import require_optimizer
from asr.pairs import pair
from asr.ranks import rank_and_ranks, run_ranks
from asr.recipe import Train
from asr.shards import MANIFEST, Features
from asr.text import Text, normalizer
from asr.training import Trained, train
from asr.validation import Diary, Validator
from asr.watch import StoppedError
from asr.whisper import Model, Whisper, commit_of, load, require_in_window, require_label_positions, require_same_mels
from stages.command import run
from stages.settings import Machine, StageParams, read_machine, read_params

FEATURES = Path("data/features")
TEXTS = Path("data/splits/text")
MODEL = Path("models/whisper")
OUT = Path("metrics/train")
SUMMARY = OUT / "summary.json"
STOP = "stop"
PACKAGES = ("accelerate", "peft", "torch", "transformers")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Model
    train: Train
    text: Text


def main() -> None:
    """Train, here or in the ranks of a cluster."""
    params, machine = read_params(Params), read_machine()
    require_optimizer(params.train.optimizer)
    require_ranks(params.train, machine)
    folder = machine.checkpoint_folder / run_fingerprint(params)
    wish = Wish(folder / STOP)
    with claimed(folder):
        remove_unfinished(folder)
        if machine.engine == "ray":
            connected(machine.ray_address)  # before listening, as Ray takes SIGTERM for itself
            wish.listen()
            # By its name, so that a rank can import it.
            from stages.train import learn as learn_there

            run_ranks(partial(learn_there, folder, machine), machine.train_ranks, machine.ray_address, folder)
        else:
            wish.listen()
            learn(folder, machine, wish)
        if not SUMMARY.exists():
            print(f"train: stopped; the same run goes on from its checkpoint in {folder}", file=sys.stderr)
            sys.exit(128 + (wish.signal or signal.SIGTERM))
        remove(folder)


def learn(folder: Path, machine: Machine, wish: Wish | None = None) -> None:
    """Train in this process, as one rank or the only one; rank 0 writes what comes of it.

    Args:
        folder: of the run.
        machine: how to compute; a rank does not see the environment of the process that started it.
        wish: to end early; without one, it is uttered in the process that started this.
    """
    params = read_params(Params)
    whisper = load(params.model.name, params.model.language, params.model.task)
    mode = params.train.mode(whisper.window_frames)
    # Both splits are checked before the first step.
    examples, train_texts = read_split("train", whisper, machine.cache_folder)
    validation, texts = read_split("validation", whisper, machine.cache_folder)
    validator = Validator(
        whisper,
        validation,
        [text.path for text in texts],
        [text.text for text in texts],
        normalizer(params.text.normalizer),
        params.train.max_new_tokens,
        fit=mode == "fit",
    )
    require_timestamps_suit(whisper.tokenizer, [text.text for text in [*train_texts, *texts]], mode == "pack")
    wish = wish or Wish(folder / STOP)
    try:
        trained = train(
            whisper,
            examples,
            validator,
            params.train,
            folder,
            OUT / "tensorboard",
            wish,
            machine.checkpoint_minutes,
            machine.loader_workers,
        )
    except StoppedError:
        return
    if rank_and_ranks()[0] == 0:
        whisper.mark_fitted(mode == "fit")
        whisper.save(MODEL)
        write(trained, params.train, len(examples), Diary(folder))


def run_fingerprint(params: Params) -> str:
    """Of all that determines the run's result."""
    name = params.model.name
    modules = [module for module_name, module in sorted(sys.modules.items()) if module_name.startswith(f"{asr.__name__}.")]
    return fingerprint(
        {
            "params": params.model_dump(mode="json"),
            "code": code_version(modules, PACKAGES),
            "commit": None if Path(name).is_dir() else commit_of(name),
        },
        [
            *(FEATURES / split / MANIFEST for split in ("train", "validation")),
            *(TEXTS / f"{split}.jsonl" for split in ("train", "validation")),
            *sorted(path for path in Path(name).glob("*") if path.is_file()),
        ],
    )


def require_ranks(settings: Train, machine: Machine) -> None:
    """Stop when ranks can't be had, or would have nothing to do.

    Raises:
        DataError: naming both settings.
    """
    if machine.train_ranks > 1 and machine.engine != "ray":
        raise DataError(f"train_ranks is {machine.train_ranks} but engine is {machine.engine}: set engine: ray in machine.yaml")
    if settings.effective_batch < machine.train_ranks:
        raise DataError(
            f"train.effective_batch is {settings.effective_batch}, fewer clips than train_ranks ({machine.train_ranks}) "
            "in machine.yaml: raise the one or lower the other"
        )


def write(trained: Trained, settings: Train, clips: int, diary: Diary) -> None:
    """Write metrics/train."""
    OUT.mkdir(parents=True, exist_ok=True)
    curves(trained.log_history).to_csv(OUT / "curves.csv", index=False)
    diary.read().to_csv(OUT / "validation.csv", index=False)
    write_json(
        SUMMARY,
        {
            "precision": trained.precision,
            "learning_rate": trained.learning_rate,
            "effective_batch": settings.effective_batch,
            "ranks": trained.ranks,
            "rows_at_once": trained.rows_at_once,
            "activation_checkpointing": trained.activation_checkpointing,
            "out_of_memory": trained.halvings,
            "window": trained.window,
            "clips": clips,
            "steps": trained.steps,
            "epochs": trained.epochs,
            "best_step": trained.best_step,
            "validation_wer": trained.best_wer,
        },
    )
    print(f"train: the best step is {trained.best_step}, validation WER {trained.best_wer:.1f} %", file=sys.stderr)


def read_split(split: str, whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    """A split's clips with their labels and transcripts, once it is sure that the model can take them all."""
    features = Features(FEATURES / split, cache)
    require_same_mels(whisper, features.n_mels)
    positions, texts = pair(features, read_rows(TEXTS / f"{split}.jsonl", TextEntry))
    paths = [text.path for text in texts]
    require_in_window(whisper, paths, [len(features[position]) for position in positions])
    labels = [label(whisper.tokenizer, text.text) for text in texts]
    require_label_positions(whisper, paths, labels)
    return Examples(features, positions, labels, [continuation(whisper.tokenizer, text.text) for text in texts]), texts


if __name__ == "__main__":
    run("train", __doc__, main, writes=(MODEL, OUT))
