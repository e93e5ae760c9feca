"""Filters, and splits that are drawn."""

from collections import Counter
from dataclasses import replace

import pytest

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.sections import parse
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


def silent(number: int, speaker: str | None = None, seconds: float = 2.0, split: str = "") -> Clip:
    return replace(clip(number, speaker, "", seconds), extra={"split": split})


def members(clips: list[Clip], how: Split = STABLE) -> dict[str, str]:
    return {clip.id: name for name, some in split_clips(clips, how).splits.items() for clip in some}


def speakers(count: int, clips_each: int = 1) -> list[Clip]:
    return [clip(number, f"speaker {number % count}") for number in range(count * clips_each)]


def of_speakers(clips: list[Clip], how: Split = STABLE) -> dict[str, str]:
    """The split of each speaker, who is in one only."""
    found = {(each.speaker, name) for name, some in split_clips(clips, how).splits.items() for each in some if each.speaker}
    assert len(found) == len(dict(found))
    return dict(found)


def shares(each: float) -> Split:
    return STABLE.model_copy(update={"validation_share": each, "test_share": each})


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


@pytest.mark.parametrize("count", [3, 4, 7, 20, 60])
def test_more_clips_of_known_speakers_move_no_clip(count: int) -> None:
    clips = speakers(count, clips_each=2)
    more = [clip(number, f"speaker {number % min(count, 5)}") for number in range(1_000, 1_200)]

    before, after = members(clips), members(more + clips[::-1])

    assert {clip_id: after[clip_id] for clip_id in before} == before


@pytest.mark.parametrize("group_by", ["speaker", "audio"])
def test_from_100_groups_on_nobody_ever_moves(group_by: str) -> None:
    how = shares(0.1).model_copy(update={"group_by": group_by})
    clips = speakers(100)

    before, after = members(clips, how), members([clip(number, f"speaker {number}") for number in range(100, 300)] + clips, how)

    assert {clip_id: after[clip_id] for clip_id in before} == before


@pytest.mark.parametrize("seed", range(8))
def test_a_speaker_who_comes_moves_two_at_most_one_into_a_split_and_one_out_of_the_other(seed: int) -> None:
    how = shares(0.1).model_copy(update={"seed": seed})
    moves: Counter[int] = Counter()
    for count in range(3, 99):
        before, after = of_speakers(speakers(count), how), of_speakers(speakers(count + 1), how)
        moved = [(before[speaker], after[speaker]) for speaker in before if before[speaker] != after[speaker]]
        moves[len(moved)] += 1

        assert len(moved) <= 2
        assert all("train" in move for move in moved)
        assert len({split for move in moved for split in move if split != "train"}) == len(moved)
    assert moves[0] > moves[1] > moves[2]


def test_the_hundredth_speaker_moves_some_once() -> None:
    moved = []
    for seed in range(100):
        how = shares(0.1).model_copy(update={"seed": seed})
        before, after = of_speakers(speakers(99), how), of_speakers(speakers(100), how)
        moved.append(sum(before[speaker] != after[speaker] for speaker in before))

    assert 3 < sum(moved) / len(moved) < 7
    assert max(moved) < 20


def test_with_three_speakers_no_split_is_empty_whatever_the_seed() -> None:
    for count in (3, 4, 5, 8):
        for seed in range(100):
            division = split_clips(speakers(count), shares(0.1).model_copy(update={"seed": seed}))

            assert all(division.splits.values())


@pytest.mark.parametrize(("count", "each"), [(3, 1), (8, 1), (14, 1), (15, 2), (20, 2), (24, 2), (26, 3), (50, 5), (99, 10)])
def test_few_speakers_are_dealt_out_by_quota(count: int, each: int) -> None:
    found = Counter(of_speakers(speakers(count), shares(0.1)).values())

    assert found["test"] == each
    assert found["validation"] in (each, each - 1 or 1)
    assert found["train"] == count - found["test"] - found["validation"]


def test_large_shares_leave_a_speaker_to_train_on() -> None:
    assert Counter(of_speakers(speakers(4), shares(0.45)).values()) == {"train": 1, "validation": 1, "test": 2}


def test_speakers_and_nameless_clips_move_each_other_not() -> None:
    named, nameless = speakers(12), [clip(number) for number in range(100, 160)]
    together = members([*named, *nameless])

    fewer = members([*speakers(9), *nameless])
    alone = members(named)

    assert {each.id: fewer[each.id] for each in nameless} == {each.id: together[each.id] for each in nameless}
    assert alone == {each.id: together[each.id] for each in named}


@pytest.mark.parametrize("named", [0, 1, 2, 3])
def test_three_groups_of_any_kind_fill_three_splits(named: int) -> None:
    clips = [clip(number, f"speaker {number}" if number < named else None) for number in range(3)]

    assert [len(some) for some in split_clips(clips, STABLE).splits.values()] == [1, 1, 1]


@pytest.mark.parametrize("speaker", ["one", None])
def test_all_parts_of_a_file_are_in_one_split(speaker: str | None) -> None:
    how = STABLE.model_copy(update={"group_by": "audio"})
    parts = [
        replace(clip(number, speaker), audio_hash=f"file {number % 20}", start=number, end=number + 1) for number in range(200)
    ]

    files = [{part.audio_hash for part in some} for some in split_clips(parts, how).splits.values()]

    assert sum(map(len, files)) == 20


def in_wards(counts: dict[str, int]) -> list[Clip]:
    """A clip of each speaker, so many in each ward."""
    wards = [ward for ward, count in counts.items() for _ in range(count)]
    return [replace(clip(number, f"speaker {number}"), extra={"ward": ward}) for number, ward in enumerate(wards)]


STRATIFIED = shares(0.1).model_copy(update={"stratify": "ward"})


def test_every_stratum_has_its_share_and_the_total_is_right() -> None:
    clips = in_wards({"one": 20, "two": 30, "three": 40})

    division = split_clips(clips, STRATIFIED)

    by_ward = {name: Counter(each.extra["ward"] for each in some) for name, some in division.splits.items()}
    for name in ("test", "validation"):
        assert sum(by_ward[name].values()) == 9
        assert {ward: round(count / 10) for ward, count in (("one", 20), ("two", 30), ("three", 40))} == by_ward[name]


def test_many_small_strata_have_the_right_total() -> None:
    clips = in_wards({f"ward {number}": 3 for number in range(20)})

    found = split_clips(clips, STRATIFIED).splits

    assert {name: len(some) for name, some in found.items()} == {"train": 48, "validation": 6, "test": 6}


def test_a_large_stratum_goes_by_the_hash_alone_and_moves_nobody() -> None:
    clips, more = in_wards({"a": 100}), in_wards({"a": 160})

    before, after = members(clips, STRATIFIED), members(more, STRATIFIED)

    assert {clip_id: after[clip_id] for clip_id in before} == before
    assert before == members(clips, shares(0.1))


def test_a_speaker_in_two_strata_is_of_the_first_by_name_however_many_clips() -> None:
    clips = in_wards({"one": 20, "two": 20})
    also_in_two = [replace(clip(100 + number, f"speaker {number % 20}"), extra={"ward": "two"}) for number in range(60)]

    before = members(clips, STRATIFIED)

    for more in ([*also_in_two, *clips], [*clips, *also_in_two]):
        after = members(more, STRATIFIED)
        assert {clip_id: after[clip_id] for clip_id in before} == before


def test_a_speaker_who_comes_moves_two_at_most_in_each_stratum_from_its_own_on() -> None:
    how = STABLE.model_copy(update={"stratify": "ward"})
    came = replace(clip(1_000, "speaker 1000"), extra={"ward": "b"})
    most: Counter[str] = Counter()

    for size in range(1, 40):
        clips = in_wards({"a": 17, "b": size, "c": 12, "d": 3})
        before, after = members(clips, how), members([*clips, came], how)
        most |= Counter(each.extra["ward"] for each in clips if before[each.id] != after[each.id])

    assert set(most) == {"b", "c", "d"}
    assert max(most.values()) == 2


@pytest.mark.parametrize("column", ["speaker", "language"])
def test_speakers_and_languages_are_strata_too(column: str) -> None:
    how = shares(0.1).model_copy(update={"stratify": column, "group_by": "audio"})
    clips = [replace(clip(number, str(number % 2)), language=("nl", "de")[number % 2]) for number in range(60)]

    test = split_clips(clips, how).splits["test"]

    assert Counter(each.language for each in test) == {"nl": 3, "de": 3}


def test_a_stratum_that_nobody_has_is_an_error_and_so_are_parts_of_a_speaker() -> None:
    with pytest.raises(DataError, match=r"no clip has a wing; .* the columns are ward"):
        split_clips(in_wards({"one": 9}), STRATIFIED.model_copy(update={"stratify": "wing"}))
    with pytest.raises(DataError, match=r"^params.yaml: .*split.stratify: speaker .* needs split.group_by audio$"):
        parse(Split, {**STABLE.model_dump(), "stratify": "speaker"}, "params.yaml")


def test_a_speaker_is_in_one_split_only() -> None:
    assert len(of_speakers(speakers(40, clips_each=10))) == 40


def test_identical_audio_is_in_one_split_only() -> None:
    twice = [clip(number % 200, None) for number in range(400)]
    audio = [{clip.audio_hash for clip in clips} for clips in split_clips(twice, STABLE).splits.values()]

    assert sum(map(len, audio)) == 200


def test_shares_come_out_as_asked() -> None:
    splits = split_clips([clip(number) for number in range(2_000)], STABLE).splits

    assert {name: round(len(clips) / 2_000, 1) for name, clips in splits.items()} == {
        "train": 0.6,
        "validation": 0.2,
        "test": 0.2,
    }


def test_another_seed_is_another_split() -> None:
    clips = [clip(number) for number in range(100)]

    assert members(clips) != members(clips, STABLE.model_copy(update={"seed": 43}))


def test_random_is_the_guides_train_test_split() -> None:
    from datasets import Dataset

    clips = [clip(number) for number in range(50)]
    expected = Dataset.from_dict({"id": [c.id for c in clips]}).train_test_split(test_size=0.2, seed=42)["test"]["id"]

    splits = split_clips(clips, RANDOM).splits

    assert {c.id for c in splits["test"]} == set(expected)
    assert {name: len(part) for name, part in splits.items()} == {"train": 30, "validation": 10, "test": 10}


@pytest.mark.parametrize(
    ("clips", "how", "remedy"),
    [
        (
            speakers(1, 20),
            STABLE,
            r"validation split would be empty \(20 clips kept, 1 speakers\).*add speakers, or .*group_by to audio",
        ),
        (speakers(2, 20), STABLE, r"validation split would be empty \(40 clips kept, 2 speakers\).*add speakers"),
        (
            [clip(1)] * 5,
            STABLE,
            r"validation split would be empty \(5 clips kept, 0 speakers\); a file is never divided.*add rec",
        ),
        (speakers(1, 2), RANDOM, r"validation split would be empty \(2 clips kept, 1 speakers\); change .*, or add clips"),
    ],
)
def test_an_empty_split_says_what_to_do(clips: list[Clip], how: Split, remedy: str) -> None:
    with pytest.raises(DataError, match=remedy):
        split_clips(clips, how)


def test_no_clips_at_all_points_at_the_filter() -> None:
    with pytest.raises(DataError, match="change the limits under filter"):
        split_clips([], STABLE)


def test_shares_that_leave_no_training_data_are_refused() -> None:
    with pytest.raises(DataError, match="sum to less than 1"):
        split_clips([clip(1)], STABLE.model_copy(update={"test_share": 0.8}))


def test_of_clips_without_speech_only_the_lengths_are_filtered() -> None:
    strict = LIMITS.model_copy(update={"min_characters": 12})
    clips = [clip(1), silent(2), silent(3, seconds=0.5), silent(4, seconds=30.0), *(silent(n) for n in range(5, 105))]

    filtered = filter_clips(clips, strict, ENGLISH)

    assert len(filtered.kept) == 102
    assert filtered.dropped == {"not over 1 s": 1, "not under 30 s": 1}
    assert filtered.letters_lost == 0.0


@pytest.mark.parametrize("how", [STABLE, RANDOM], ids=["stable", "random"])
def test_clips_without_speech_are_trained_on_in_their_place_and_move_no_other(how: Split) -> None:
    spoken = speakers(10, clips_each=2)
    mixed = [silent(100), *spoken[:7], silent(101), silent(102, "nobody else"), *spoken[7:]]

    divided = split_clips(mixed, how)

    assert members(mixed, how) == {**members(spoken, how), **{silent(n).id: "train" for n in (100, 101, 102)}}
    assert divided.splits["train"] == sorted(divided.splits["train"], key=mixed.index)
    assert divided.dropped == {}


def test_a_clip_without_speech_of_a_tested_speaker_or_file_is_left_out_and_counted() -> None:
    spoken = [replace(each, speaker=None) if number < 2 else each for number, each in enumerate(speakers(12))]
    splits = split_clips(spoken, STABLE).splits
    marked = [
        replace(silent(100 + number), speaker=each.speaker, audio_hash=each.audio_hash) for number, each in enumerate(spoken)
    ]

    divided = split_clips([*spoken, *marked], STABLE)

    left_out = len(splits["validation"]) + len(splits["test"])
    assert divided.dropped == {"no speech, of validation or test": left_out}
    assert len(divided.splits["train"]) == 2 * len(splits["train"])
    assert {name: divided.splits[name] for name in ("validation", "test")} == {n: splits[n] for n in ("validation", "test")}


def test_where_speakers_are_divided_those_of_clips_without_speech_do_not_count() -> None:
    by_audio = STABLE.model_copy(update={"group_by": "audio"})
    spoken = [clip(number, "ann") for number in range(20)]

    for how in (by_audio, RANDOM):
        assert split_clips([*spoken, silent(100, "ann")], how).dropped == {}


def test_clips_without_speech_are_where_the_data_has_them_but_never_tested() -> None:
    names = {1: "train", 2: "validation", 3: "test"}
    spoken = [replace(clip(n, f"speaker {n}"), extra={"split": name}) for n, name in names.items()]
    marked = [silent(10, split="test"), silent(11, split="dev"), silent(12, "speaker 3", split="train"), silent(13)]

    divided = split_clips([*spoken, *marked], STABLE)

    assert [each.line for each in divided.splits["train"]] == [1, 12, 13]
    assert divided.dropped == {"no speech, of validation or test": 2}


def test_nothing_but_clips_without_speech_is_nothing_to_divide() -> None:
    with pytest.raises(DataError, match="there is nothing to divide"):
        split_clips([silent(n) for n in range(20)], STABLE)
