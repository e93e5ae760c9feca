"""What stage train reads: the clips of train, of train.mix and of validation with their labels, clips without speech, and the
clips of general sets by which it chooses; and what hears such clips.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asr.base.entries import HeardByBase, TextEntry, read_texts
from asr.base.files import iterate_rows, read_rows
from asr.base.text import Normalization
from asr.machine.shutdown import StopRequest
from asr.model.whisper import Whisper, require_in_window, require_label_positions, require_same_mels
from asr.shards.pairs import pair
from asr.shards.reader import StoredFeatures
from asr.training.batch import Examples
from asr.training.labels import at, chained, examples_of, spread
from asr.training.validation import Validator
from stages.common.pace import read_pace

FEATURES = Path("data/features")
TEXTS = Path("data/splits/text")
SPLITS, MIX, NON_SPEECH = ("train", "validation"), "mix", "non_speech"
GENERAL, GENERAL_TEXTS = "sets_validation", Path("data/sets/validation_text.jsonl")
MIX_TEXTS, HEARD = Path("data/mix/text.jsonl"), Path("data/mix/heard.jsonl")


@dataclass(frozen=True)
class Learned:
    """What is learned: the clips, what is said in those with speech, and how many of all are of train.mix."""

    examples: Examples
    texts: Sequence[TextEntry]
    mixed: int


def read_learned(whisper: Whisper, cache: Path) -> Learned:
    """Read the training clips, those of train.mix and those without speech."""
    trained, texts = read_split("train", whisper, cache)
    mixed, others = read_mix(whisper, cache)
    examples = chained(chained(trained, mixed), read_non_speech(texts, whisper, cache))
    return Learned(examples, [*texts, *others], len(mixed))


def read_split(split: str, whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    """Read a split's clips with their labels and transcripts, once it is sure that the model can take them all."""
    return read_clips(split, read_rows(TEXTS / f"{split}.jsonl", TextEntry), whisper, cache)


def read_mix(whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    """Read the clips of train.mix likewise; one without a transcript has what the base model heard, or is left out with it."""
    heard = {row.id: row.text for row in read_rows(HEARD, HeardByBase) if not row.left_out}
    rows = (row if row.raw_text else replace(row, text=heard.get(row.id, "")) for row in read_rows(MIX_TEXTS, TextEntry))
    return read_clips(MIX, [row for row in rows if row.text], whisper, cache)


def read_general(whisper: Whisper, cache: Path) -> dict[str, tuple[Examples, Sequence[TextEntry]]]:
    """Read likewise the clips to choose by, of each general set that has some."""
    return {name: read_clips(GENERAL, rows, whisper, cache) for name, rows in read_texts(GENERAL_TEXTS).items()}


def judged_by(
    whisper: Whisper, clips: Examples, said: Sequence[TextEntry], normalization: Normalization, stop: StopRequest
) -> Validator:
    """What hears with the model, as it is whenever that is asked for, these clips."""
    paths, texts = [row.path for row in said], [row.text for row in said]
    return Validator(whisper, clips, paths, texts, normalization, read_pace(), stop)


def read_clips(name: str, said: Sequence[TextEntry], whisper: Whisper, cache: Path) -> tuple[Examples, Sequence[TextEntry]]:
    """Read the features of these clips, which are in the folder of this name."""
    features = StoredFeatures(FEATURES / name, cache)
    require_same_mels(whisper, features.n_mels)
    frames, texts = pair(features, said)
    paths = [text.path for text in texts]
    require_in_window(whisper, paths, [len(clip) for clip in frames])
    examples = examples_of(whisper, frames, texts)
    require_label_positions(whisper, paths, examples.labels)
    return examples, texts


def read_silent(most: int, whisper: Whisper, cache: Path) -> Examples:
    """Read training clips in which nobody speaks, so many at most, from all over the list."""
    marked = [text for text in iterate_rows(TEXTS / "train.jsonl", TextEntry) if not text.text]
    all_there = chained(
        read_clips("train", marked, whisper, cache)[0],
        read_non_speech(iterate_rows(TEXTS / "train.jsonl", TextEntry), whisper, cache),
    )
    return at(all_there, spread(len(all_there), most))


def read_non_speech(texts: Iterable[TextEntry], whisper: Whisper, cache: Path) -> Examples:
    """Read the clips without speech, each in the language of the clip of which it was made, with nothing to write."""
    features = StoredFeatures(FEATURES / NON_SPEECH, cache)
    made_of = set(features.ids)
    origins = {text.id: replace(text, text="") for text in texts if text.id in made_of}
    return examples_of(whisper, *pair(features, list(origins.values())))
