"""What stage train learns from: the clips of train and validation with their labels, and clips without speech."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asr.base.entries import TextEntry
from asr.base.files import read_rows
from asr.model.whisper import Whisper, require_in_window, require_label_positions, require_same_mels
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures
from asr.training.batch import Examples
from asr.training.labels import examples_of

FEATURES = Path("data/features")
TEXTS = Path("data/splits/text")
SPLITS, NON_SPEECH = ("train", "validation"), "non_speech"


def read_split(split: str, whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    """Read a split's clips with their labels and transcripts, once it is sure that the model can take them all."""
    features = StoredFeatures(FEATURES / split, cache)
    require_same_mels(whisper, features.n_mels)
    frames, texts = pair(features, read_rows(TEXTS / f"{split}.jsonl", TextEntry))
    paths = [text.path for text in texts]
    require_in_window(whisper, paths, [len(clip) for clip in frames])
    examples = examples_of(whisper, frames, texts)
    require_label_positions(whisper, paths, examples.labels)
    return examples, texts


def read_non_speech(texts: Sequence[TextEntry], whisper: Whisper, cache: Path) -> Examples:
    """Read the clips without speech, each in the language of the clip of which it was made, with nothing to write."""
    features = StoredFeatures(FEATURES / NON_SPEECH, cache)
    made_of = set(features.ids)
    origins = {text.id: replace(text, text="") for text in texts if text.id in made_of}
    return examples_of(whisper, *pair(features, list(origins.values())))
