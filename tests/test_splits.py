"""Filters and splits."""

from dataclasses import replace

import pytest

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.text import Normalization
from asr.recordings.filters import filter_clips
from asr.recordings.parameters import Filter, Split
from asr.recordings.splits import split_clips

LIMITS = Filter(min_characters=6, max_characters=None, min_seconds=1.0, max_seconds=30.0)
STABLE = Split(method="stable", group_by="speaker", validation_share=0.2, test_share=0.2, seed=42)
ENGLISH = Normalization("basic_english")
RANDOM = STABLE.model_copy(update={"method": "random"})


def clip(number: int, speaker: str | None = None, text: str = "good morning", seconds: float = 2.0) -> Clip:
    digest = f"{number:032x}"
    return Clip(digest[-16:], number, f"{number}.wav", digest, seconds, 16_000, 1, text, speaker, {})


def members(splits: dict[str, list[Clip]]) -> dict[str, str]:
    return {clip.id: name for name, clips in splits.items() for clip in clips}


@pytest.mark.parametrize(
    ("text", "seconds", "reason"),
    [
        ("five5", 2.0, "under 6 characters"),
        ("  five5  ", 2.0, "under 6 characters"),
        ("six666", 2.0, None),
        ("good morning", 1.0, "not over 1 s"),
        ("good morning", 0.2, "not over 1 s"),
        ("good morning", 1.001, None),
        ("good morning", 30.0, "not under 30 s"),
        ("good morning", 40.0, "not under 30 s"),
        ("good morning", 29.999, None),
    ],
)
def test_each_filter_counts_what_it_drops(text: str, seconds: float, reason: str | None) -> None:
    filtered = filter_clips([clip(1, text=text, seconds=seconds)], LIMITS, ENGLISH)

    assert filtered.dropped == ({reason: 1} if reason else {})
    assert len(filtered.kept) == (0 if reason else 1)


def test_long_transcripts_are_dropped_when_asked() -> None:
    limits = LIMITS.model_copy(update={"max_characters": 10})

    assert filter_clips([clip(1)], limits, ENGLISH).dropped == {"over 10 characters": 1}


def test_each_clip_is_normalised_by_its_language() -> None:
    clips = [replace(clip(1, text="मैं हिन्दी में बात कर रहा हूँ"), language="hi"), clip(2, text="ninety one, you know")]

    filtered = filter_clips(clips, LIMITS, Normalization("auto"))

    assert (filtered.kept, filtered.letters_lost) == (clips, 0)
    with pytest.raises(DataError, match=r"basic_english deletes .* set text.normalizer to multilingual"):
        filter_clips([clip(1, text="Prüfung der Maße")], LIMITS, ENGLISH)


@pytest.mark.parametrize("group_by", ["speaker", "audio"])
def test_growth_never_moves_a_clip(group_by: str) -> None:
    how = STABLE.model_copy(update={"group_by": group_by})
    clips = [clip(number, f"speaker {number % 40}") for number in range(400)]

    before = members(split_clips(clips, how))
    after = members(split_clips([clip(number, f"speaker {number}") for number in range(400, 600)] + clips[::-1], how))

    assert {clip_id: after[clip_id] for clip_id in before} == before


def test_a_speaker_is_in_one_split_only() -> None:
    splits = split_clips([clip(number, f"speaker {number % 40}") for number in range(400)], STABLE)
    speakers = [{clip.speaker for clip in clips} for clips in splits.values()]

    assert sum(map(len, speakers)) == 40


def test_identical_audio_is_in_one_split_only() -> None:
    twice = [clip(number % 200, None) for number in range(400)]
    splits = split_clips(twice, STABLE)
    audio = [{clip.audio_hash for clip in clips} for clips in splits.values()]

    assert sum(map(len, audio)) == 200


def test_shares_come_out_as_asked() -> None:
    splits = split_clips([clip(number) for number in range(2_000)], STABLE)

    assert {name: round(len(clips) / 2_000, 1) for name, clips in splits.items()} == {
        "train": 0.6,
        "validation": 0.2,
        "test": 0.2,
    }


def test_another_seed_is_another_split() -> None:
    clips = [clip(number) for number in range(100)]

    assert members(split_clips(clips, STABLE)) != members(split_clips(clips, STABLE.model_copy(update={"seed": 43})))


def test_random_is_the_guides_train_test_split() -> None:
    from datasets import Dataset

    clips = [clip(number) for number in range(50)]
    expected = Dataset.from_dict({"id": [c.id for c in clips]}).train_test_split(test_size=0.2, seed=42)["test"]["id"]

    splits = split_clips(clips, RANDOM)

    assert {c.id for c in splits["test"]} == set(expected)
    assert {name: len(part) for name, part in splits.items()} == {"train": 30, "validation": 10, "test": 10}


def test_an_empty_split_says_what_to_change() -> None:
    one_speaker = [clip(number, "only one") for number in range(20)]

    with pytest.raises(DataError, match=r"split would be empty \(20 clips kept, 1 speakers\).*split.group_by to audio"):
        split_clips(one_speaker, STABLE)


def test_no_clips_at_all_points_at_the_filter() -> None:
    with pytest.raises(DataError, match="change the limits under filter"):
        split_clips([], STABLE)


def test_shares_that_leave_no_training_data_are_refused() -> None:
    with pytest.raises(DataError, match="sum to less than 1"):
        split_clips([clip(1)], STABLE.model_copy(update={"test_share": 0.8}))
