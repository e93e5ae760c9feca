"""Splits that the data itself gives."""

from dataclasses import replace

import pytest

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.recordings.parameters import Split
from asr.recordings.splits import Division, split_clips
from tests.test_splits import RANDOM, STABLE, clip, members

BLANK = ""


def given(*values: str, column: str = "split", first: int = 0) -> list[Clip]:
    """A clip of a speaker of its own for each value of the column."""
    return [
        replace(clip(number, f"speaker {number}"), extra={column: value}) for number, value in enumerate(values, start=first)
    ]


def named(column: str | None, how: Split = STABLE) -> Split:
    return how.model_copy(update={"column": column})


def counts(division: Division) -> tuple[int, ...]:
    return tuple(len(clips) for clips in division.splits.values())


def cells(division: Division) -> dict[str, set[str]]:
    return {name: {each.extra["split"] for each in clips} for name, clips in division.splits.items()}


@pytest.mark.parametrize("column", ["split", "Split", "SET", "set "])
def test_three_splits_are_taken_as_they_are(column: str) -> None:
    clips = given("train", "Training", "dev", "valid", "validation", "VAL", " test ", "testing", "development", column=column)

    division = split_clips(clips, STABLE)

    assert [[each.line for each in some] for some in division.splits.values()] == [[0, 1], [2, 3, 4, 5, 8], [6, 7]]
    assert (division.given.column, division.given_names) == (column, ["train", "validation", "test"])
    assert division.dropped == {}


def test_where_all_three_are_given_a_clip_without_a_split_is_left_out_and_counted() -> None:
    division = split_clips(given("train", BLANK, "dev", "test", "  "), STABLE)

    assert counts(division) == (1, 1, 1)
    assert division.dropped == {"no split given": 2}


TEN = [BLANK] * 10


@pytest.mark.parametrize("how", [STABLE, RANDOM])
@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["test"] * 3 + TEN, {"train": {BLANK}, "validation": {BLANK}, "test": {"test"}}),
        (["dev"] * 3 + TEN, {"train": {BLANK}, "validation": {"dev"}, "test": {BLANK}}),
        (["test", "dev", *TEN], {"train": {BLANK}, "validation": {"dev"}, "test": {"test"}}),
        (["test"] * 3 + ["train"] * 10, {"train": {"train"}, "validation": {"train"}, "test": {"test"}}),
        (["dev"] * 3 + ["train"] * 10, {"train": {"train"}, "validation": {"dev"}, "test": {"train"}}),
        (["train"] * 10, {"train": {"train"}, "validation": {"train"}, "test": {"train"}}),
    ],
    ids=["test", "validation", "test and validation", "test and train", "validation and train", "train"],
)
def test_what_is_missing_is_drawn_from_the_rest(values: list[str], found: dict[str, set[str]], how: Split) -> None:
    division = split_clips(given(*values), how)

    assert cells(division) == found
    assert sum(counts(division)) == len(values)
    assert division.dropped == {}


def test_blank_clips_and_those_of_train_are_the_rest_together() -> None:
    division = split_clips(given(*["test"] * 5, *["train"] * 100, *[BLANK] * 100), STABLE)

    assert cells(division) == {"train": {"train", BLANK}, "validation": {"train", BLANK}, "test": {"test"}}
    assert division.given_names == ["train", "test"]
    assert 20 < len(division.splits["validation"]) < 60


def test_a_given_test_split_moves_nobody_among_the_rest_when_it_grows() -> None:
    rest = given(*TEN)

    few = split_clips([*rest, *given("test", first=100)], STABLE).splits
    many = split_clips([*rest, *given(*["test"] * 50, first=100)], STABLE).splits

    assert few["train"] == many["train"]
    assert few["validation"] == many["validation"]


def test_columns_of_other_values_are_no_splits() -> None:
    clips = given(*"abc", column="set")

    division = split_clips(clips, STABLE)

    assert division == split_clips(clips, named(None))
    assert (division.given.column, division.given.doubt, division.given_names) == (None, None, [])


def test_a_column_with_one_value_that_is_unknown_is_passed_over_and_the_log_says_so() -> None:
    division = split_clips(given("train", "dev", "test", "tset", *TEN), STABLE)

    assert division.given_names == []
    assert division.given.doubt is not None
    assert "column split is passed over, as line 3 says tset" in division.given.doubt


def test_a_split_column_comes_before_a_set_column() -> None:
    clips = [replace(each, extra={"set": "test", **each.extra}) for each in given("train", "dev", "test")]

    assert split_clips(clips, STABLE).given.column == "split"


def test_null_ignores_the_column() -> None:
    clips = given("test", *["train"] * 20)

    assert members(clips, named(None)) == members([replace(each, extra={}) for each in clips]) != members(clips)


def test_a_named_column_is_used_and_an_unknown_value_is_an_error_with_the_lines() -> None:
    assert split_clips(given("train", "dev", "test", column="part"), named("part")).given.column == "part"
    with pytest.raises(DataError, match=r"12 rows have no split's name in column part.*\n  line 1: eval\n") as raised:
        split_clips(given("train", *["eval"] * 12, "test", column="part"), named("part"))
    assert str(raised.value).endswith("\n  line 10: eval\n  and 2 more")


def test_a_named_column_has_to_be_there_and_to_say_something() -> None:
    with pytest.raises(DataError, match=r"split.column: there is no column part; the columns are split$"):
        split_clips(given("train", "dev", "test"), named("part"))
    with pytest.raises(DataError, match=r"column split is blank in every row; set split.column to null"):
        split_clips(given(*TEN), named("split"))


def test_given_splits_that_leave_nothing_to_train_on_are_an_error() -> None:
    with pytest.raises(DataError, match=r"the train split would be empty .*; column split leaves too little for it"):
        split_clips(given("dev", "test"), STABLE)
