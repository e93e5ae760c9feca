"""Pairs: clips matched to transcripts by id."""

from pathlib import Path

import numpy as np
import pytest

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.shards.format import Dropped
from asr.shards.pairs import pair
from tests.shards import stored

THREE = [np.full((2, 80), number, np.float16) for number in range(3)]
GONE = Dropped("gone", "gone.wav", "a click")


def text(clip_id: str) -> TextEntry:
    return TextEntry("train", clip_id, f"{clip_id}.wav", f"text of {clip_id}", "", None)


def test_clips_meet_their_own_transcripts_whatever_the_order(tmp_path: Path) -> None:
    features = stored(tmp_path / "features", ["a", "b", "c"], THREE, (GONE,))

    frames, texts = pair(features, [text("c"), text("gone"), text("a")])

    assert [(features.ids[position], entry.text) for position, entry in zip(frames.positions, texts, strict=True)] == [
        ("c", "text of c"),
        ("a", "text of a"),
    ]


def test_a_transcript_whose_clip_is_nowhere_is_an_error(tmp_path: Path) -> None:
    features = stored(tmp_path / "features", ["a"], THREE[:1])

    with pytest.raises(DataError, match=r"1 clips have no features in .*the first: lost.wav"):
        pair(features, [text("a"), text("lost")])


def test_every_copy_of_a_clip_has_its_transcript(tmp_path: Path) -> None:
    features = stored(tmp_path / "features", ["a", "a", "b", "b"], [*THREE, THREE[0]])

    frames, texts = pair(features, [text("b"), text("a")])

    assert frames.positions == [2, 3, 0, 1]
    assert [clip.tobytes() for clip in frames] == [features[position].tobytes() for position in (2, 3, 0, 1)]
    assert [entry.id for entry in texts] == ["b", "b", "a", "a"]
