"""Leaks: audio and sentences that are in two splits."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio.fingerprint import fingerprint
from asr.base.copies import Copy
from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.recordings.leaks import copies, require_no_leaks, same_audio, shared_sentences, speakers_in_two_splits
from asr.recordings.parameters import Split
from tests.speech import RATE, spoken
from tests.test_splits import STABLE, clip

DISJOINT = STABLE.model_copy(update={"disjoint_text": True})
WARN = STABLE.model_copy(update={"near_same": "warn"})


def splits(train: list[Clip], validation: list[Clip], test: list[Clip]) -> dict[str, list[Clip]]:
    return {"train": train, "validation": validation, "test": test}


def view(line: int, start: float | None = None, end: float | None = None, channel: int | None = None) -> Clip:
    """A part of a file of 60 s."""
    seconds = (60.0 if end is None else end) - (start or 0.0)
    return replace(clip(line), audio_hash="one file", start=start, end=end, channel=channel, seconds=seconds)


def heard(line: int, samples: NDArray[np.float32]) -> Clip:
    return replace(clip(line), fingerprint=fingerprint(samples, RATE))


def test_clips_of_their_own_do_not_leak() -> None:
    assert require_no_leaks(splits([clip(1, text="one")], [clip(2, text="two")], [clip(3, text="three")]), DISJOINT) is None


def test_the_same_file_in_two_splits_stops_with_the_lines() -> None:
    with pytest.raises(DataError) as raised:
        require_no_leaks(splits([view(12)], [clip(2)], [view(7)]), STABLE)
    assert str(raised.value) == (
        "1 pair of clips in two splits have the same audio; give both clips the same speaker or split, or remove a row\n"
        "  line 7 (7.wav, test) and line 12 (12.wav, train)"
    )


def test_ten_pairs_are_told_and_all_are_counted() -> None:
    train = [replace(clip(number), audio_hash=f"file {number}") for number in range(13)]
    test = [replace(each, line=each.line + 100) for each in train]

    with pytest.raises(DataError, match=r"^13 pairs of clips in two splits have the same audio") as raised:
        require_no_leaks(splits(train, [], test), STABLE)
    assert str(raised.value).count("\n  line ") == 10
    assert str(raised.value).endswith("(9.wav, test)\n  and 3 more pairs")


@pytest.mark.parametrize(
    ("ours", "theirs", "leaks"),
    [
        (view(1), view(2), True),
        (view(1), view(2, 10, 12), True),
        (view(1, 0, 10), view(2, 10, 20), False),
        (view(1, 0, 10), view(2, 9, 19), False),  # speakers who cut each other short
        (view(1, 0, 10), view(2, 6, 20), False),
        (view(1, 0, 10), view(2, 4, 14), True),
        (view(1, 0, 10, channel=0), view(2, 0, 10, channel=1), False),
        (view(1, 0, 10, channel=0), view(2, 0, 10, channel=0), True),
        (view(1, 0, 10, channel=0), view(2, 0, 10), True),
        (view(1, 50), view(2, 55, 60), True),
        (view(1, 0, 40), view(2, 45), False),
    ],
)
def test_views_of_one_file_leak_when_they_share_more_than_half_of_the_shorter(ours: Clip, theirs: Clip, leaks: bool) -> None:
    assert bool(same_audio(splits([ours], [], [theirs]))) is leaks
    assert bool(same_audio(splits([], [theirs], [ours]))) is leaks
    assert same_audio(splits([], [], [ours, theirs])) == []
    assert same_audio(splits([replace(ours, start=100.0)], [], [ours, theirs])) == []


def test_a_view_far_along_is_found_beside_many_others() -> None:
    train = [view(number, number, number + 1) for number in range(50)]

    found = same_audio(splits(train, [], [view(100, 30.2, 31.2)]))

    assert [(pair.first.clip.line, pair.second.clip.line) for pair in found] == [(30, 100)]


def test_a_copy_of_a_recording_stops_or_is_warned_of() -> None:
    samples = spoken((0, 3, 1, 4, 2, 5))
    apart = splits([heard(4, samples)], [heard(5, spoken((0, 3, 1, 4, 2, 5), take=1))], [heard(6, 0.3 * samples[1_000:])])

    with pytest.raises(DataError, match=r"^1 pair of clips in two splits sound like copies of one recording") as raised:
        require_no_leaks(apart, STABLE)
    assert str(raised.value).endswith("\n  line 4 (4.wav, train) and line 6 (6.wav, test)")
    assert require_no_leaks(apart, WARN) == str(raised.value)
    assert require_no_leaks(splits([], apart["validation"], apart["train"] + apart["test"]), STABLE) is None


@pytest.mark.parametrize("how", [STABLE, WARN])
def test_the_same_audio_is_told_once_and_only_copies_are_warned_of(how: Split) -> None:
    same = replace(heard(4, spoken((0, 3, 1, 4, 2, 5))), audio_hash="one file")
    with pytest.raises(DataError, match="have the same audio") as raised:
        require_no_leaks(splits([same], [], [replace(same, line=5)]), how)
    assert "sound like" not in str(raised.value)


def test_a_sentence_of_the_test_split_that_is_read_in_another_stops_when_asked() -> None:
    train = [clip(1, text="Good morning."), clip(2, text="good morning"), clip(3, text="Take 3!")]
    apart = splits(
        train, [clip(4, text="Straße")], [clip(5, text="GOOD, morning"), clip(6, text="strasse"), clip(7, text="take 4")]
    )

    with pytest.raises(
        DataError, match=r"^2 pairs of clips in two splits have the same sentence; .*disjoint_text to false"
    ) as raised:
        require_no_leaks(apart, DISJOINT)
    assert str(raised.value).endswith(
        "\n  line 1 (1.wav, train) and line 5 (5.wav, test)\n  line 4 (4.wav, validation) and line 6 (6.wav, test)"
    )
    assert require_no_leaks(apart, STABLE) is None


def test_marks_are_letters_and_a_transcript_without_letters_is_no_sentence() -> None:
    apart = splits([clip(1, text="कि"), clip(2, text="…")], [clip(3, text="x")], [clip(4, text="का"), clip(5, text="?!")])

    assert require_no_leaks(apart, DISJOINT) is None
    assert shared_sentences(apart)["test"] == 0


def test_the_share_of_clips_whose_sentence_is_in_train_is_counted() -> None:
    train = [clip(1, text="<|0.00|> One.<|1.00|>"), clip(2, text="two")]

    found = shared_sentences(
        splits(train, [clip(3, text="two")], [clip(4, text="one"), clip(5, text="ONE"), clip(6, text="six")])
    )

    assert found == {"validation": 1.0, "test": 0.6667}


def test_speakers_in_two_splits_are_counted_with_their_clips() -> None:
    train = [clip(1, "ada"), clip(2, "ada"), clip(3, "bo"), clip(4)]

    assert speakers_in_two_splits(splits(train, [clip(5, "cy")], [clip(6, "ada"), clip(7)])) == {"speakers": 1, "clips": 3}


def test_every_kind_of_leak_is_told_at_once() -> None:
    same, copied = view(1), heard(2, spoken((0, 3, 1, 4, 2, 5)))
    with pytest.raises(DataError) as raised:
        require_no_leaks(
            splits([same, copied], [], [replace(same, line=3), replace(copied, line=4, audio_hash="other")]), DISJOINT
        )

    told = [line for line in str(raised.value).splitlines() if " in two splits " in line]
    assert len(told) == 3
    assert "have the same audio" in told[0]
    assert "sound like copies of one recording" in told[1]
    assert "have the same sentence" in told[2]


def test_parts_of_one_file_that_overlap_are_copies_and_those_beside_each_other_are_not() -> None:
    train = [view(1, 0, 10), view(2, 10, 20), view(3, 30, 40, channel=1)]
    tested = [view(1, 4, 14), view(2, 20, 30), view(3, 31, 39, channel=1), view(4, 31, 39, channel=0)]

    found = copies("public", tested, splits(train, [], [view(9, 20, 30)]))

    assert [(copy.path, copy.copy_of) for copy in found if copy.split == "train"] == [
        ("1.wav#t=4,14", "1.wav#t=0,10"),
        ("3.wav#t=31,39&channel=1", "3.wav#t=30,40&channel=1"),
    ]


def test_a_clip_is_told_once_for_each_split_by_the_surest_way_and_clips_too_short_for_a_fingerprint_by_their_bytes() -> None:
    same = heard(4, spoken((0, 3, 1, 4, 2, 5)))
    alike = replace(same, id="other", audio_hash="other", path="other.wav", line=2)
    short = [clip(7), clip(8)]
    assert short[0].fingerprint == ""

    found = copies("train", [same, *short], {"train": [alike, same, clip(9)], "validation": [alike, short[1]]})

    assert found == [
        Copy("train", "4.wav", "train", "4.wav", "same audio"),
        Copy("train", "4.wav", "validation", "other.wav", "sounds alike"),
        Copy("train", "8.wav", "validation", "8.wav", "same audio"),
    ]
