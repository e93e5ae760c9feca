"""Warnings: what leaves a clip out until somebody keeps it, and what nobody can keep."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.base.entries import Clip
from asr.recordings.rejects import Reject
from asr.tables.row import BadRow, Row
from tests.sounds import tone, write_tone
from tests.test_clips import check_all, check_one

OTHER_LENGTH, OTHER_RATE = "other length than its row says", "transcript of another length"


@pytest.mark.parametrize(
    ("seconds", "claimed", "is_used"),
    [
        (2.0, "2.5", True),
        (2.0, "2.51", False),
        (2.0, "1.5", True),
        (2.0, "1.49", False),
        (20.0, "21.0", True),
        (20.0, "21.1", False),
        (20.0, "19.0", True),
        (20.0, "18.9", False),
        (2.0, "inf", False),
        (2.0, "", True),
        (2.0, "two", True),
    ],
)
def test_a_clip_of_another_length_than_its_row_says_is_warned_of(
    tmp_path: Path, seconds: float, claimed: str, is_used: bool
) -> None:
    write_tone(tmp_path / "a.wav", seconds=seconds)

    result = check_one(Row(2, "a.wav", "good morning", extra={"duration": claimed}), tmp_path)

    assert isinstance(result, Clip) == is_used


def test_a_warning_leaves_a_clip_out_until_somebody_keeps_it(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav", seconds=2.0)
    row = Row(2, "a.wav", "good morning", extra={"duration": "5"})

    left_out = check_one(row, tmp_path)
    assert isinstance(left_out, Reject)
    kept = check_one(row, tmp_path, kept={(left_out.path, left_out.reason)})

    assert (left_out.severity, left_out.reason) == ("warn", OTHER_LENGTH)
    assert isinstance(kept, Clip)
    assert kept.notes == [left_out.reason]


@pytest.mark.parametrize(
    ("path", "reason", "is_kept"),
    [
        ("a.wav (0 to 2 s)", OTHER_LENGTH, True),
        ("a.wav (0 to 2 s)", "clipping", False),
        ("a.wav (2 to 4 s)", OTHER_LENGTH, False),
        ("a.wav", OTHER_LENGTH, False),
    ],
)
def test_what_is_kept_is_one_warning_of_one_part(tmp_path: Path, path: str, reason: str, is_kept: bool) -> None:
    write_tone(tmp_path / "a.wav", seconds=5.0)
    row = Row(2, "a.wav", "good morning", start=0.0, end=2.0, extra={"duration": "5"})

    assert isinstance(check_one(row, tmp_path, kept={(path, reason)}), Clip) == is_kept


def test_what_is_refused_can_not_be_kept(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)

    result = check_one(Row(2, "silence.wav", "good morning"), tmp_path, kept={("silence.wav", "silence")})

    assert isinstance(result, Reject)
    assert (result.severity, result.reason) == ("refuse", "silence")


def test_a_clip_that_is_unlike_the_rest_is_left_out_until_somebody_keeps_it(tmp_path: Path) -> None:
    rows: list[Row | BadRow] = []
    for number in range(30):
        write_tone(tmp_path / f"{number}.wav", hertz=200 + 10 * number)
        text = {0: "good morning" * 9, 5: "доброе утро"}.get(number, "good morning")
        rows.append(Row(number + 2, f"{number}.wav", text))

    checked = check_all(rows, tmp_path)
    kept = check_all(rows, tmp_path, kept={("0.wav", OTHER_RATE)})

    assert [(reject.line, reject.reason, reject.severity) for reject in checked.rejects] == [
        (2, OTHER_RATE, "warn"),
        (7, "other script than the set's", "warn"),
    ]
    assert [reject.line for reject in kept.rejects] == [7]
    assert [clip.notes for clip in kept.clips][:2] == [[OTHER_RATE], []]


def test_of_two_warnings_each_has_to_be_kept_and_is_noted(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    rows: list[Row | BadRow] = [Row(line, "a.wav", "good morning") for line in range(2, 30)]
    rows[7] = Row(9, "a.wav", "good morning" * 9, extra={"duration": "5"})
    first, second = ("a.wav", OTHER_LENGTH), ("a.wav", OTHER_RATE)

    told = [[(each.line, each.reason) for each in check_all(rows, tmp_path, kept=kept).rejects] for kept in ({first}, {second})]
    kept = check_all(rows, tmp_path, kept={first, second})

    assert told == [[(9, OTHER_RATE)], [(9, OTHER_LENGTH)]]
    assert {clip.line: clip.notes for clip in kept.clips if clip.notes} == {9: [OTHER_LENGTH, OTHER_RATE]}


def test_a_clip_with_a_note_is_used(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.01 * tone(2.0), 16_000)

    result = check_one(Row(2, "a.wav", "good morning"), tmp_path)

    assert isinstance(result, Clip)
    assert result.notes == ["very quiet"]
