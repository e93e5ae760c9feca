"""What bench.real keeps of each row: a model, what it took to make it, and what it heard."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from asr.scoring.interval import Corpus
from bench.process import Cost

Kind = Literal["released", "guide", "ours", "alone", "time"]
"""`alone`: ours without the share of the base model that it keeps; `time`: ours, with as many epochs as make it train for as
long as the guide.
"""

TIMES = Path("times.json")
"""Where both trainings write what their clock has (bench/real_times.py)."""

SUMMARY = Path("metrics/train/summary.json")
"""What the train stage says of its model."""


@dataclass(frozen=True)
class Heard:
    """The clips of a test set, in the order of their ids: errors, words and speaker of each."""

    id: list[str]
    errors: list[int]
    words: list[int]
    speaker: list[str | None]

    def corpus(self, times: int = 1) -> Corpus:
        """What intervals are drawn from, of errors that are summed over so many models."""
        return Corpus.of([times * words for words in self.words], self.speaker)

    @property
    def wer(self) -> float:
        """In percent."""
        return 100 * sum(self.errors) / max(sum(self.words), 1)


@dataclass(frozen=True)
class Trained:
    """What a training took.

    Attributes:
        epochs: that were done, of `most_epochs`.
        clips: in an epoch.
        training_seconds: waiting for clips and computing.
        validated_seconds: those, validation and checkpoints.
        all_seconds: everything from the recordings to the model.
        peak_rss: bytes, of all processes together; `cuda_bytes`: of GPU memory.
        device: what computed.
        resumed: whether it was stopped in between.
        others_cores: cores that other processes kept busy meanwhile.
        more: what else it says of itself.
    """

    epochs: float
    most_epochs: int
    clips: int
    training_seconds: float
    validated_seconds: float
    all_seconds: float
    peak_rss: int
    cuda_bytes: int | None
    device: str
    resumed: bool
    others_cores: float
    more: dict[str, Any]

    @classmethod
    def of(
        cls, times: dict[str, Any], cost: Cost, start_seconds: float, clips: int, others_cores: float, resumed: bool,
        peaks: Sequence[int], more: dict[str, Any],
    ) -> "Trained":  # fmt: skip
        """Sum it up.

        Args:
            times: what the clock has written.
            cost: of the process that has trained last.
            start_seconds: of what came before it, but for training.
            clips: see `Trained`, as for all that is not named here.
            others_cores: likewise.
            resumed: whether something was done by a process before; what is trained says that itself.
            peaks: memory of other processes that were needed, in bytes.
            more: see `Trained`.
        """
        seconds = times["seconds"]
        return cls(
            epochs=times["epochs"],
            most_epochs=times["most_epochs"],
            clips=clips,
            training_seconds=seconds["waiting"] + seconds["computing"],
            validated_seconds=sum(seconds.values()),
            all_seconds=start_seconds + cost.seconds + sum(times["before"].values()),
            peak_rss=max([cost.peak_rss, *peaks]),
            cuda_bytes=times["cuda_bytes"],
            device=times["device"],
            resumed=resumed or bool(times["before"]),
            others_cores=others_cores,
            more=more,
        )

    @property
    def clips_per_second(self) -> float:
        """In training."""
        return self.clips * self.epochs / self.training_seconds

    @property
    def epoch_seconds(self) -> float:
        """Of an epoch's training."""
        return self.training_seconds / self.epochs


@dataclass(frozen=True)
class Outcome:
    """A row: the released model has no training and `alone` none of its own, and only ours have a seed."""

    kind: Kind
    seed: int | None
    trained: Trained | None
    heard: dict[str, Heard]

    @classmethod
    def parsed(cls, said: dict[str, Any]) -> "Outcome":
        """What `asdict` has made of one."""
        trained = Trained(**said["trained"]) if said["trained"] else None
        return cls(said["kind"], said["seed"], trained, {name: Heard(**clips) for name, clips in said["heard"].items()})
