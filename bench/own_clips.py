"""A project's own clips, as the train stage reads them, and the score on one of its splits."""

import sys
from pathlib import Path
from typing import Any

import torch

from asr.base.entries import TextEntry
from asr.base.files import read_rows
from asr.model.parameters import greedy
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper
from asr.scoring.evaluation import predictions
from asr.shards.frames import FRAMES_PER_SECOND
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures
from asr.training.batch import Examples
from asr.training.labels import examples_of, spread
from asr.training.recipe import Train
from bench.settings import normalization, stage_settings
from bench.sides import Options


def read_split(whisper: Whisper, options: Options, split: str) -> tuple[Examples, list[TextEntry]]:
    """A split's clips, as the train stage reads them."""
    features = StoredFeatures(Path(options.data, "data/features", split), Path(options.cache))
    frames, texts = pair(features, read_rows(Path(options.data, f"data/splits/text/{split}.jsonl"), TextEntry))
    if split == "train" and 0 < options.clips < len(texts):
        places = spread(len(texts), options.clips)
        frames, texts = features.at([frames.positions[place] for place in places]), [texts[place] for place in places]
    return examples_of(whisper, frames, texts), texts


def side_settings(window: str, options: Options) -> Train:
    """Of params.yaml, but for what the bench sets."""
    share = {} if options.full_window_share is None else {"full_window_share": options.full_window_share}
    return stage_settings(
        **share,
        window=window,
        epochs=options.epochs,
        early_stopping_patience=options.epochs,
        effective_batch=options.effective_batch,
        seed=options.seed,
    )


def timed_clips(examples: Examples, options: Options) -> int:
    """Those of all steps but the first."""
    count = len(examples) * options.epochs - min(options.effective_batch, len(examples))
    if not count:
        sys.exit("there is one step, and the first is not timed: give more --clips or --epochs")
    return count


def tested(whisper: Whisper, options: Options) -> dict[str, Any]:
    """Errors, words and speaker of each clip that is scored, heard in the whole window."""
    if not options.score:
        return {"errors": [], "words": [], "speakers": []}
    examples, texts = read_split(whisper, options, options.scored_split)
    whisper.model.eval().config.use_cache = True
    clips, whole = list(examples.frames), greedy(max_new_tokens=128, batch_size=16).model_copy(update={"window": "full"})
    with torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_available()):
        heard = transcribe(whisper, clips, whole)
    seconds = [len(clip) / FRAMES_PER_SECOND for clip in clips]
    rows = predictions(options.scored_split, texts, seconds, heard, normalization())
    rows.sort(key=lambda row: row.id)
    return {
        "errors": [row.errors for row in rows],
        "words": [row.words for row in rows],
        "speakers": [row.speaker for row in rows],
    }
