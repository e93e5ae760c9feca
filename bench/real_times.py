"""The clock of both trainings that bench.real compares, which goes on where a run that was stopped goes on.

    python -m bench.real_times

runs the train stage with this clock in the place of its own, and writes TIMES in this folder.
"""

import runpy
from typing import Any
from unittest.mock import patch

import torch
from transformers import TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from asr.base.files import write_json
from asr.training import run
from asr.training.history import Times
from bench.real_outcome import TIMES


class KeptTimes(Times, ExportableState):
    """The train stage's clock, whose seconds go into each checkpoint: work that a stop has undone is in no sum."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, float] = {}

    def state(self) -> dict[str, Any]:
        """What the library writes into a checkpoint."""
        return {"args": {}, "attributes": {"seconds": dict(self.seconds)}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *others: Any, **kwargs: Any) -> None:
        """Start the clock, at the seconds of the checkpoint that the run goes on from."""
        super().on_train_begin()
        if state.global_step:
            self.before = dict(state.stateful_callbacks[type(self).__name__]["attributes"]["seconds"])
            self.seconds.update(self.before)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, *others: Any, **kwargs: Any) -> None:
        """Write what there is to say of the training: all its seconds, those `before` this process, and GPU memory."""
        cuda_bytes = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
        write_json(
            TIMES,
            {
                "seconds": self.seconds,
                "before": self.before,
                "cuda_bytes": cuda_bytes,
                "epochs": round(state.epoch or 0, 2),
                "most_epochs": state.num_train_epochs,
                "device": device_name(),
            },
        )


def device_name() -> str:
    """What computes: the GPU's name, or how many threads of a CPU and its vector instructions."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} x {torch.backends.cpu.get_cpu_capability()}"


def main() -> None:
    """Run the stage, which takes itself for the program."""
    with patch.object(run, "Times", KeptTimes):
        runpy.run_module("stages.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
