"""What the sides of a training bench share: options, the clips, the score, and what each reports."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from asr.base.entries import TextEntry, read_rows
from asr.base.text import normalizer
from asr.model.parameters import greedy
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper
from asr.scoring.evaluation import predictions
from asr.scoring.interval import Corpus
from asr.shards.frames import FRAMES_PER_SECOND
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures
from asr.training.batch import Examples
from asr.training.labels import continuation, label
from asr.training.recipe import Train
from bench.process import Cost, measure
from bench.settings import EFFECTIVE_BATCH, HOME, stage_settings
from stages.common.params import read_yaml


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
        score: whether to decode the test split afterwards.
    """

    data: str
    cache: str
    model: str
    epochs: int
    clips: int
    seed: int
    score: bool


@dataclass(frozen=True)
class Run:
    """What came of it. The first step is not timed: `clips` and `seconds` are of the others.

    `waited` are the seconds among them in which the loader was waited for. `flops_per_clip` are what the model needs, in the
    windows that it was given. `errors`, `words` and `speakers` are of each test clip, decoded at the whole window.
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
        """Of the test split, in percent."""
        return 100 * sum(self.errors) / sum(self.words)


def measured(side: str, options: Options) -> tuple[Run, Cost]:
    """Run a side, article, full, fit or pack, in a process of its own."""
    command = (sys.executable, "-m", "bench.trainers", side, json.dumps(asdict(options)))
    ended = measure(command, HOME, {**os.environ, "HF_HUB_OFFLINE": "1"})
    return Run(**json.loads(ended.stdout.splitlines()[-1])), ended.cost


def read_split(whisper: Whisper, options: Options, split: str) -> tuple[Examples, list[TextEntry]]:
    """A split's clips, as the train stage reads them."""
    features = StoredFeatures(Path(options.data, "data/features", split), Path(options.cache))
    frames, texts = pair(features, read_rows(Path(options.data, f"data/splits/text/{split}.jsonl"), TextEntry))
    if split == "train" and options.clips:
        frames, texts = features.at(frames.positions[: options.clips]), texts[: options.clips]
    labels = [label(whisper.tokenizer, text.text) for text in texts]
    following = [continuation(whisper.tokenizer, text.text) for text in texts]
    return Examples(frames, labels, following), texts


def side_settings(window: str, options: Options) -> Train:
    """Of params.yaml, but for what the bench sets."""
    return stage_settings(
        window=window,
        epochs=options.epochs,
        early_stopping_patience=options.epochs,
        effective_batch=EFFECTIVE_BATCH,
        seed=options.seed,
    )


def timed_clips(examples: Examples, epochs: int) -> int:
    """Those of all steps but the first."""
    count = len(examples) * epochs - min(EFFECTIVE_BATCH, len(examples))
    if not count:
        sys.exit("there is one step, and the first is not timed: give more --clips or --epochs")
    return count


def tested(whisper: Whisper, options: Options) -> dict[str, Any]:
    """Errors, words and speaker of each test clip, heard in the whole window."""
    if not options.score:
        return {"errors": [], "words": [], "speakers": []}
    examples, texts = read_split(whisper, options, "test")
    whisper.model.eval().config.use_cache = True
    clips, whole = list(examples.frames), greedy(max_new_tokens=128, batch_size=16).model_copy(update={"window": "full"})
    with torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_available()):
        heard = transcribe(whisper, clips, whole)
    seconds = [len(clip) / FRAMES_PER_SECOND for clip in clips]
    rows = predictions("test", texts, seconds, heard, normalizer(read_yaml(HOME / "params.yaml")["text"]["normalizer"]))
    rows.sort(key=lambda row: row.id)
    return {
        "errors": [row.errors for row in rows],
        "words": [row.words for row in rows],
        "speakers": [row.speaker for row in rows],
    }
