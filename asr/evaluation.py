"""Evaluation: a checkpoint's score on a split, by generation."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from asr.decoding import transcribe
from asr.device import DTYPES, pick_device, pick_precision
from asr.manifest import TextEntry
from asr.pairs import pair
from asr.params import Section
from asr.scoring import Prediction, Score, predictions, score
from asr.shards import Features
from asr.text import Normalizer
from asr.whisper import Whisper, require_in_window, require_same_mels


class Decode(Section):
    """How hypotheses are generated."""

    batch_size: int = Field(ge=1)
    max_new_tokens: int = Field(ge=1)
    num_beams: int = Field(ge=1)


@dataclass(frozen=True)
class Evaluation:
    """A corpus score, and a prediction per clip, most errors first."""

    score: Score
    predictions: list[Prediction]


def evaluate_split(
    whisper: Whisper, features: Features, texts: Sequence[TextEntry], decode: Decode, normalize: Normalizer
) -> Evaluation:
    """Transcribe a split and compare.

    Raises:
        DataError: when the features don't suit the model.
    """
    require_same_mels(whisper, features.n_mels)
    positions, paired = pair(features, texts)
    clips = [features[position] for position in positions]
    require_in_window(whisper, [text.path for text in paired], [len(clip) for clip in clips])
    device = pick_device()
    model = whisper.model.to(device=device, dtype=DTYPES[pick_precision(device)]).eval()
    hypotheses = transcribe(model, whisper.tokenizer, clips, decode.batch_size, decode.max_new_tokens, decode.num_beams)
    return Evaluation(score(paired, hypotheses, normalize), predictions(paired, hypotheses, normalize))
