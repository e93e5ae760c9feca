"""Batches: clips' features joined with their transcripts, padded for the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from asr.errors import DataError
from asr.logmel import pad_frames
from asr.manifest import TextEntry
from asr.shards import Features

IGNORED = -100
"""The label that carries no loss."""


@dataclass(frozen=True)
class Example:
    """A clip ready for a batch: features of shape (frames, mels), and token ids with prompt and end."""

    features: NDArray[np.float16]
    labels: Sequence[int]


class Examples(Dataset[Example]):
    """A split's clips, features read from the mapped shards when asked for."""

    def __init__(self, features: Features, positions: Sequence[int], labels: Sequence[Sequence[int]]) -> None:
        """`positions` says where in `features` the clip of each label is."""
        assert len(positions) == len(labels)
        self._features, self._positions, self._labels = features, positions, labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Example:
        return Example(self._features[self._positions[index]], self._labels[index])


def pair(features: Features, texts: Sequence[TextEntry]) -> tuple[list[int], list[TextEntry]]:
    """Match transcripts to features by clip id.

    Returns:
        the positions in `features`, and the transcript at each: one for every stored copy of its clip. Clips that were dropped
        when features were extracted (they are named in the shards' manifest) are left out.

    Raises:
        DataError: when a transcript's clip is in neither.
    """
    where: dict[str, list[int]] = {}
    for position, clip_id in enumerate(features.ids):
        where.setdefault(clip_id, []).append(position)
    gone = {clip.id for clip in features.dropped}
    unknown = [text.path for text in texts if text.id not in where and text.id not in gone]
    if unknown:
        raise DataError(
            f"{len(unknown)} clips have no features in {features.folder} (the first: {unknown[0]}); run `dvc repro`"
        )
    paired = [(position, text) for text in texts for position in where.get(text.id, [])]
    return [position for position, _ in paired], [text for _, text in paired]


@dataclass(frozen=True)
class Collator:
    """Pads examples to the model's window.

    A tokenizer starts labels with the start-of-transcript token, and a model that shifts labels right puts another one in
    front. So the decoder's input keeps it and the labels do not: the model sees exactly one and learns to predict what follows.
    """

    window_frames: int
    decoder_start_token_id: int
    pad_token_id: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Input features (batch, mels, frames) in float32, decoder input and labels (batch, tokens)."""
        features = np.stack([pad_frames(example.features, self.window_frames).T for example in examples])
        targets = [self._without_start(example.labels) for example in examples]
        longest = max(len(target) for target in targets)
        labels = torch.full((len(targets), longest), IGNORED)
        for row, target in enumerate(targets):
            labels[row, : len(target)] = torch.tensor(target)
        start = torch.full((len(targets), 1), self.decoder_start_token_id)
        shifted = torch.cat([start, labels[:, :-1]], dim=1)
        return {
            "input_features": torch.from_numpy(features.astype(np.float32)),
            "decoder_input_ids": shifted.masked_fill(shifted == IGNORED, self.pad_token_id),
            "labels": labels,
        }

    def _without_start(self, labels: Sequence[int]) -> Sequence[int]:
        return labels[1:] if labels[0] == self.decoder_start_token_id else labels
