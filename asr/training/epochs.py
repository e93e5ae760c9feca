"""Epochs: the weights that the best of them ended with, kept beside the checkpoints so that their mean can be taken."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr.model.checksums import write_sums
from asr.training.checkpoints import step_of

EPOCHS = "epochs"
"""The folder of them, in that of the run."""

UNFINISHED = ".unfinished"


def error_rates(log_history: Sequence[Mapping[str, float]]) -> dict[int, float]:
    """The error rate on the validation split after each epoch, by its last step."""
    return {
        int(entry["step"]): entry["eval_error_rate"] for entry in log_history if "eval_error_rate" in entry and entry["step"]
    }


def keep_epoch(checkpoint: Path, rates: Mapping[int, float], most: int) -> None:
    """Keep the weights of a checkpoint where its epoch is one of the best, and of no other epochs any longer.

    Args:
        checkpoint: of which all but the sums is written, as a run that goes on from a finished one doesn't save it again. Its
            weights, or LoRA's matrices, are linked.
        rates: of each epoch until then, by its last step.
        most: so many epochs are kept.
    """
    step = step_of(checkpoint)
    best = sorted(rates, key=lambda other: (rates[other], other))[:most]
    folder = checkpoint.parent / EPOCHS
    if step in best:
        made = folder / f"{step}{UNFINISHED}"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        for path in checkpoint.glob("*.safetensors"):
            try:
                os.link(path, made / path.name)
            except OSError:  # not every file system has links
                shutil.copyfile(path, made / path.name)
        write_sums(made)
        shutil.rmtree(folder / str(step), ignore_errors=True)
        made.rename(folder / str(step))
    for other in folder.iterdir() if folder.exists() else ():
        if other.name not in {str(each) for each in best}:
            shutil.rmtree(other)


def kept_epochs(run: Path) -> list[Path]:
    """The folders of the epochs that are kept of a run, but for one that a kill left unfinished."""
    return sorted((path for path in (run / EPOCHS).glob("*") if path.name.isdecimal()), key=lambda path: int(path.name))
