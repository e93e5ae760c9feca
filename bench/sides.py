"""What the sides of a training bench share: options, and what each reports."""

import json
import os
import sys
from dataclasses import asdict, dataclass

from asr.base.entries import TEST_SPLIT
from asr.scoring.interval import Corpus
from bench.process import Cost, measure
from bench.settings import EFFECTIVE_BATCH, HOME


@dataclass(frozen=True)
class Options:
    """What all sides share.

    Attributes:
        data: a project's folder, with data/features and data/splits.
        cache: its cache of shards.
        model: a folder with a checkpoint, or the name of a shape.
        epochs: over the training clips.
        clips: at most so many of them; 0: all.
        seed: of the order of clips.
        score: whether to decode a split afterwards.
        full_window_share: of the clips, under `fit` and `pack`; None: that of params.yaml.
        effective_batch: clips to a step.
        scored_split: which split that is.
    """

    data: str
    cache: str
    model: str
    epochs: int
    clips: int
    seed: int
    score: bool
    full_window_share: float | None = None
    effective_batch: int = EFFECTIVE_BATCH
    scored_split: str = TEST_SPLIT


@dataclass(frozen=True)
class Run:
    """What came of it. The first step is not timed: `clips` and `seconds` are of the others.

    `waited` are the seconds among them in which the loader was waited for. `flops_per_clip` are what the model needs, in the
    windows that it was given. `errors`, `words` and `speakers` are of each clip that is scored, decoded at the whole window.
    """

    clips: int
    seconds: float
    waited: float
    loader_clips_per_second: float | None
    cuda_bytes: int | None
    flops_per_clip: float
    precision: str
    rows_at_once: int
    errors: list[int]
    words: list[int]
    speakers: list[str | None]

    @property
    def corpus(self) -> Corpus:
        """What intervals are drawn from."""
        return Corpus.of(self.words, self.speakers)

    @property
    def wer(self) -> float:
        """Of the split that is scored, in percent."""
        return 100 * sum(self.errors) / sum(self.words)


def measured(side: str, options: Options) -> tuple[Run, Cost]:
    """Run a side, article, full, fit or pack, in a process of its own."""
    command = (sys.executable, "-m", "bench.trainers", side, json.dumps(asdict(options)))
    ended = measure(command, HOME, {**os.environ, "HF_HUB_OFFLINE": "1"})
    return Run(**json.loads(ended.stdout.splitlines()[-1])), ended.cost
