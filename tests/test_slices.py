"""Slices: by length, digits, speaker, and the categories of the CSV."""

from dataclasses import replace

import pytest

from asr.report.slices import Slice, by_language, categories, slices
from asr.scoring.predictions import Prediction

Row = tuple[Prediction, dict[str, str]]
"""A clip, and the other columns of its row."""


def row(
    extra: dict[str, str] | None = None, seconds: float = 3.0, speaker: str | None = None, raw: str = "a b", errors: int = 0
) -> Row:
    hypothesis = " ".join(["a", "b"][errors:])
    prediction = Prediction(
        "test",
        "id",
        "a.wav",
        speaker,
        "en",
        seconds,
        "a b",
        hypothesis,
        raw,
        raw,
        "WER",
        errors,
        2,
        0,
        errors,
        0,
        False,
        False,
        (),
    )
    return prediction, extra or {}


def cut(rows: list[Row]) -> list[Slice]:
    """The slices of the clips, each of which has an id of its own."""
    named = [replace(prediction, id=str(number)) for number, (prediction, _) in enumerate(rows)]
    return slices(named, {str(number): extra for number, (_, extra) in enumerate(rows) if extra})


def found(rows: list[Row], kind: str) -> dict[str, int]:
    return {each.value: each.clips for each in cut(rows) if each.kind == kind}


def of(rows: list[Row], kind: str, value: str) -> Slice:
    (only,) = (each for each in cut(rows) if (each.kind, each.value) == (kind, value))
    return only


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (0.0, "0 to 2 s"),
        (0.1, "0 to 2 s"),
        (1.99, "0 to 2 s"),
        (2.0, "2 to 4 s"),
        (9.99, "8 to 10 s"),
        (10.0, "10 to 15 s"),
        (29.99, "20 to 30 s"),
        (30.0, "30 s or more"),
        (3600.0, "30 s or more"),
    ],
)
def test_a_clip_is_in_the_slice_of_its_length(seconds: float, value: str) -> None:
    assert found([row(seconds=seconds), row(seconds=5.0)], "seconds") == {value: 1, "4 to 6 s": 1}


def test_lengths_rise() -> None:
    rows = [row(seconds=seconds) for seconds in (31, 12, 1, 9, 3, 1.5)]

    assert list(found(rows, "seconds")) == ["0 to 2 s", "2 to 4 s", "8 to 10 s", "10 to 15 s", "30 s or more"]


def test_every_clip_is_in_one_slice_of_each_kind() -> None:
    rows = [row({"accent": "nsew"[n % 4]}, seconds=n, speaker=str(n % 5), raw="4" if n % 3 else "four") for n in range(40)]

    for kind in ("seconds", "digits", "speaker", "accent"):
        assert sum(found(rows, kind).values()) == 40


def test_a_slice_is_scored_by_itself() -> None:
    rows = [row({"accent": "north"}, errors=1), row({"accent": "north"}), row({"accent": "south"}), row({"accent": "south"})]

    assert [(each.value, each.error_rate) for each in cut(rows) if each.kind == "accent"] == [("north", 25), ("south", 0)]


@pytest.mark.parametrize("raw", ["room 42", "٤٢", "४२", "４２", "x²", "007"])
def test_digits_of_every_script_are_digits(raw: str) -> None:
    assert found([row(raw=raw), row(raw="forty two")], "digits") == {"with digits": 1, "without digits": 1}


def test_kinds_come_in_a_fixed_order() -> None:
    rows = [
        row({"mood": "ab"[n % 2], "accent": "ns"[n % 2]}, seconds=3.0 + n, speaker=["ann", "bob"][n % 2], raw="a4"[n % 2])
        for n in range(4)
    ]

    assert list(dict.fromkeys(each.kind for each in cut(rows))) == ["seconds", "digits", "speaker", "mood", "accent"]


def test_values_come_by_name() -> None:
    assert list(found([row(speaker=name) for name in ["cid", "ann", "bob", "ann"]], "speaker")) == ["ann", "bob", "cid"]


def test_without_speakers_there_are_no_slices_of_them() -> None:
    assert found([row(), row()], "speaker") == {}


def test_clips_by_nobody_known_are_a_slice_beside_the_speakers() -> None:
    assert found([row(speaker="ann"), row(), row()], "speaker") == {"(none)": 2, "ann": 1}


def test_a_column_that_some_rows_lack_or_leave_empty_has_a_value_for_those() -> None:
    rows = [row({"accent": "north"}), row({"accent": "north"}), row({"accent": ""}), row({})]

    assert found(rows, "accent") == {"(none)": 2, "north": 2}


@pytest.mark.parametrize(
    ("values", "is_category"),
    [
        (["a", "b"] * 2, True),
        (["a", "b", "c"], False),
        (["a"] * 10, False),
        ([""] * 10, False),
        ([str(number) for number in range(10)], False),
        ([str(number % 5) for number in range(10)], True),
        ([str(number % 6) for number in range(11)], False),
        ([str(number % 20) for number in range(400)], True),
        ([str(number % 21) for number in range(420)], False),
    ],
)
def test_a_category_has_from_2_to_20_values_each_for_two_clips_on_the_average(values: list[str], is_category: bool) -> None:
    assert categories([{"accent": value} for value in values]) == (["accent"] if is_category else [])


@pytest.mark.parametrize(
    ("name", "values"),
    [("seconds", ["2 to 4 s", "4 to 6 s"]), ("digits", ["with digits", "without digits"]), ("speaker", ["ann", "bob"])],
)
def test_a_column_with_the_name_of_a_kind_does_not_take_its_place(name: str, values: list[str]) -> None:
    rows = [row({name: "xy"[n % 2]}, seconds=3.0 + n // 2, speaker=["ann", "bob"][n // 2], raw="a4"[n // 2]) for n in range(4)]

    assert list(found(rows, name)) == values


@pytest.mark.parametrize("name", ["seconds", "digits", "speaker"])
def test_nor_when_that_kind_has_one_value(name: str) -> None:
    assert found([row({name: "xy"[number % 2]}, speaker="ann") for number in range(4)], name) == {}


def test_a_kind_with_one_value_is_left_out() -> None:
    rows = [row({"accent": "ns"[number % 2]}, speaker="ann") for number in range(4)]

    assert [(each.kind, each.value) for each in cut(rows)] == [("accent", "n"), ("accent", "s")]


def test_an_interval_needs_five_speakers() -> None:
    few = [row({"accent": "north"}, speaker=f"north {n % 4}", errors=n % 3) for n in range(12)]
    enough = [row({"accent": "south"}, speaker=f"south {n % 5}", errors=n % 3) for n in range(12)]

    assert (of(few + enough, "accent", "north").error_rate_low, of(few + enough, "accent", "north").error_rate_high) == (
        None,
        None,
    )
    assert of(few + enough, "accent", "south").error_rate_low is not None
    assert of(few + enough, "accent", "south").error_rate_high is not None


def test_a_slice_of_one_speaker_has_no_interval() -> None:
    rows = [row({"ward": "ab"[n % 2]}, speaker=["ann", "bob"][n % 2], errors=n % 3) for n in range(40)]

    assert [(each.kind, each.error_rate_low) for each in cut(rows)] == [
        ("speaker", None), ("speaker", None), ("ward", None), ("ward", None),
    ]  # fmt: skip


def test_nor_where_the_set_has_no_other_speaker() -> None:
    rows = [row({"ward": "ab"[n % 2]}, speaker="ann", errors=n % 3) for n in range(40)]

    assert [(each.value, each.error_rate_low) for each in cut(rows)] == [("a", None), ("b", None)]


def test_without_speakers_five_clips_have_an_interval() -> None:
    rows = [row({"ward": "a" if n < 4 else "b", "speaker": "xy"[n % 2]}, errors=n % 3) for n in range(9)]

    assert of(rows, "ward", "a").error_rate_low is None
    assert of(rows, "ward", "b").error_rate_low is not None


def test_clips_by_nobody_known_count_one_by_one() -> None:
    nobody = [row({"ward": "a"}, errors=n % 3) for n in range(4)]
    ann = [row({"ward": "a"}, speaker="ann", errors=n % 3) for n in range(9)]
    other = [row({"ward": "b"}, speaker="bob")]

    assert of(nobody + ann + other, "ward", "a").error_rate_low is not None
    assert of(nobody[1:] + ann + other, "ward", "a").error_rate_low is None


def test_a_column_called_speaker_is_a_category_where_no_speakers_are_known() -> None:
    assert found([row({"speaker": "xy"[number % 2]}) for number in range(4)], "speaker") == {"x": 2, "y": 2}


def test_every_language_is_a_slice_however_many_there_are() -> None:
    codes = [f"l{number:02}" for number in range(24)]
    clips = [replace(row()[0], language=code, metric="CER" if code == "l03" else "WER") for code in codes]
    rows: list[Row] = [(clip, {}) for clip in clips]

    assert list(found(rows, "language")) == codes
    assert [(each.kind, each.value, each.metric) for each in by_language(clips)][2:4] == [
        ("language", "l02", "WER"), ("language", "l03", "CER"),
    ]  # fmt: skip
    assert of(rows, "language", "l03").metric == "CER"
    assert by_language(clips[:1]) == []


def test_no_clips_have_no_slices() -> None:
    assert slices([], {}) == []
