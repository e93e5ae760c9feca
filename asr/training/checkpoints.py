"""Checkpoints: the newest in a run's folder that is whole, and what becomes of the others."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_utils import rotate_checkpoints

from asr.model.checksums import damaged_file, read_sums, write_sums

LEAST_KEPT = 2
"""Checkpoints: one to go on from when the newest is damaged."""

SEARCH = "search"
"""The folder of short trainings at several rates, in that of the run."""

PARTS = (OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME)


@dataclass(frozen=True)
class Past:
    """What a run's newest checkpoint knows.

    `epochs` are those that are done. `is_over`: the last epoch was, or training had stopped early.
    """

    checkpoint: Path | None = None
    epochs: int = 0
    is_over: bool = False
    log_history: tuple[dict[str, float], ...] = ()


def read_past(folder: Path) -> Past:
    """The past of the run in `folder`; of a new one, an empty past."""
    checkpoint = newest(folder)
    if checkpoint is None:
        return Past()
    state = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    is_over = state["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"]
    return Past(checkpoint, int(state["epoch"]), is_over, tuple(state["log_history"]))


def newest(folder: Path) -> Path | None:
    """The checkpoint to go on from: the last one that is whole. Whether its bytes are right, it takes `checked` to say."""
    return max(filter(_is_whole, folder.glob("checkpoint-*")), key=step_of, default=None)


def finish(checkpoint: Path, keep: int, best_until_now: str | None) -> None:
    """Write the sums of a checkpoint that has been saved, and then remove older ones: never is there only an unfinished one.

    Args:
        checkpoint: of which all else is written.
        keep: so many are kept, LEAST_KEPT at least.
        best_until_now: of the best epoch before. It stays even where this one is better, or a run that goes on from an older
            one, as this one turns out to be damaged, would lack its best weights.
    """
    write_sums(checkpoint)
    rotate_checkpoints(str(checkpoint.parent), max(keep, LEAST_KEPT), best_until_now, use_mtime=True)


def checked(folder: Path) -> Path | None:
    """The checkpoint from which the run comes to the end of one that nobody broke; what is unfinished or damaged is removed.

    Every byte is read of the newest and of that of the best epoch until then, whose weights may be the result. When one is
    damaged, it goes with all that came after it, and those before are looked at.
    """
    remove_unfinished(folder)
    told = list[str]()
    while (checkpoint := newest(folder)) and (damage := _damage(checkpoint)):
        wrong, what = damage
        told.append(f"{wrong}: {what}")
        for other in folder.glob("checkpoint-*"):
            if step_of(other) >= step_of(wrong):
                shutil.rmtree(other)
    if told:
        print(f"train: {'; '.join(told)}; going on from {checkpoint.name if checkpoint else 'the beginning'}", file=sys.stderr)
    return checkpoint


def _damage(checkpoint: Path) -> tuple[Path, str] | None:
    """What is wrong with a checkpoint, or with that of the best epoch until then, and in which of the two."""
    if path := damaged_file(checkpoint):
        return checkpoint, f"{path.name} is damaged"
    best_step = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))["best_global_step"]
    best = checkpoint.with_name(f"checkpoint-{best_step}")
    if best_step is None or best == checkpoint:
        return None
    if not _is_whole(best):
        return best, "the best epoch's is not whole"
    return (best, f"the best epoch's {path.name} is damaged") if (path := damaged_file(best)) else None


def remove_unfinished(folder: Path) -> None:
    """Remove the checkpoints that a kill left in the middle of being written or removed."""
    for checkpoint in folder.glob("checkpoint-*"):
        if not _is_whole(checkpoint):
            print(f"train: {checkpoint}: not whole, removed", file=sys.stderr)
            shutil.rmtree(checkpoint)


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was saved."""
    return int(checkpoint.name.rpartition("-")[2])


def _is_whole(checkpoint: Path) -> bool:
    """The sums are written last; what is removed goes in any order."""
    names = read_sums(checkpoint).keys()
    has_weights = any(name.endswith(".safetensors") for name in names)
    return has_weights and names >= set(PARTS) and all((checkpoint / name).exists() for name in names)
