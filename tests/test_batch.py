"""Batches: one start token, padding without loss, clips matched to transcripts by id."""

from pathlib import Path

import numpy as np
import pytest
import torch

from asr.batch import IGNORED, Collator, Example, pair
from asr.errors import DataError
from asr.manifest import TextEntry
from asr.shards import Dropped
from tests.shards import stored

START, END, PAD = 50, 60, 60
COLLATE = Collator(window_frames=6, decoder_start_token_id=START, pad_token_id=PAD)


def example(frames: int, labels: list[int]) -> Example:
    return Example(np.arange(frames * 2, dtype=np.float16).reshape(frames, 2), labels)


def test_the_decoder_sees_exactly_one_start_token() -> None:
    batch = COLLATE([example(3, [START, 7, 8, END]), example(2, [START, 9, END])])

    assert batch["decoder_input_ids"].tolist() == [[START, 7, 8], [START, 9, END]]
    assert batch["labels"].tolist() == [[7, 8, END], [9, END, IGNORED]]


def test_a_begin_token_that_is_not_the_start_token_stays() -> None:
    """In Whisper's tokenizer the begin-of-sequence token is the end-of-text token: dropping that one drops nothing."""
    batch = COLLATE([example(3, [END, 7, END])])

    assert batch["labels"].tolist() == [[END, 7, END]]


def test_features_are_padded_with_their_last_frame() -> None:
    features = COLLATE([example(3, [START, END])])["input_features"]

    assert features.shape == (1, 2, 6)
    assert features.dtype == torch.float32
    assert features[0].tolist() == [[0, 2, 4, 4, 4, 4], [1, 3, 5, 5, 5, 5]]


THREE = [np.full((2, 80), number, np.float16) for number in range(3)]
GONE = Dropped("gone", "gone.wav", "a click")


def text(clip_id: str) -> TextEntry:
    return TextEntry(clip_id, f"{clip_id}.wav", f"text of {clip_id}", "", None, {})


def test_clips_meet_their_own_transcripts_whatever_the_order(tmp_path: Path) -> None:
    features = stored(tmp_path / "features", ["a", "b", "c"], THREE, (GONE,))

    positions, texts = pair(features, [text("c"), text("gone"), text("a")])

    assert [(features.ids[position], entry.text) for position, entry in zip(positions, texts, strict=True)] == [
        ("c", "text of c"),
        ("a", "text of a"),
    ]


def test_a_transcript_whose_clip_is_nowhere_is_an_error(tmp_path: Path) -> None:
    features = stored(tmp_path / "features", ["a"], THREE[:1])

    with pytest.raises(DataError, match=r"1 clips have no features in .*the first: lost.wav"):
        pair(features, [text("a"), text("lost")])


def test_every_copy_of_a_clip_has_its_transcript(tmp_path: Path) -> None:
    features = stored(tmp_path / "features", ["a", "a", "b", "b"], [*THREE, THREE[0]])

    positions, texts = pair(features, [text("b"), text("a")])

    assert positions == [2, 3, 0, 1]
    assert [entry.id for entry in texts] == ["b", "b", "a", "a"]
