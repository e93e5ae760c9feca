"""What stage train learns from: the clips of train and validation with their labels, and clips without speech; and the clips of
general sets by which it chooses.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asr.base.entries import TextEntry, read_texts
from asr.base.files import read_rows
from asr.model.whisper import Whisper, require_in_window, require_label_positions, require_same_mels
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures
from asr.training.batch import Examples
from asr.training.labels import examples_of

FEATURES = Path("data/features")
TEXTS = Path("data/splits/text")
SPLITS, NON_SPEECH = ("train", "validation"), "non_speech"
GENERAL, GENERAL_TEXTS = "sets_validation", Path("data/sets/validation_text.jsonl")


def read_split(split: str, whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    """Read a split's clips with their labels and transcripts, once it is sure that the model can take them all."""
    return _read(FEATURES / split, read_rows(TEXTS / f"{split}.jsonl", TextEntry), whisper, cache)


def read_general(whisper: Whisper, cache: Path) -> dict[str, tuple[Examples, Sequence[TextEntry]]]:
    """Read likewise the clips to choose by, of each general set that has some."""
    texts = read_texts(GENERAL_TEXTS)
    return {name: _read(FEATURES / GENERAL, rows, whisper, cache) for name, rows in texts.items()}


def _read(folder: Path, rows: Sequence[TextEntry], whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    features = StoredFeatures(folder, cache)
    require_same_mels(whisper, features.n_mels)
    frames, texts = pair(features, rows)
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
