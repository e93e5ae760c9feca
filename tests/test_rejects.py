"""Rejects: counted, written down for whoever decides, and told with their remedies; too many of them end the run."""

from pathlib import Path

import pytest

from asr.audio.findings import Finding
from asr.base.entries import Clip, View
from asr.base.errors import DataError
from asr.base.files import read_csv
from asr.recordings.clips import Checked, require_enough
from asr.recordings.rejects import Reject, counted, reject, told, write_rejects, write_rejects_of_sets

SILENT = Finding("refuse", "silence", "nothing above -60 dB", "record the clip again")
CLIPPED = Finding("warn", "clipping", "5 % of the samples", "record it with less gain")


def some(count: int, finding: Finding = SILENT) -> list[Reject]:
    return [reject(line, f"{line}.wav", finding) for line in range(2, count + 2)]


def test_a_reject_has_what_was_found_and_no_decision() -> None:
    left_out = reject(7, "a.wav (1 to 2 s)", CLIPPED, "data/a.wav", View(1.0, 2.0, 0))

    assert left_out == Reject(
        7, "a.wav (1 to 2 s)", "warn", "clipping", "5 % of the samples", "record it with less gain", "", "data/a.wav", 1.0, 2.0
    )


def test_a_row_of_each_is_written_with_blank_cells_for_what_is_not_known(tmp_path: Path) -> None:
    write_rejects(tmp_path / "rejects.csv", [reject(2, 'a "b",\nc.wav', CLIPPED, "data/a.wav", View(1.5)), *some(1)])

    header, *_ = (tmp_path / "rejects.csv").read_text().splitlines()
    rows = [list(row.values()) for row in read_csv(tmp_path / "rejects.csv")]

    assert header == "line,path,severity,reason,detail,remedy,decision,file,start,end"
    assert rows[0][:4] == ["2", 'a "b",\nc.wav', "warn", "clipping"]
    assert [row[6:] for row in rows] == [["", "data/a.wav", "1.5", ""], ["", "", "", ""]]


def test_rejects_of_sets_have_the_names_of_their_sets_in_order(tmp_path: Path) -> None:
    write_rejects_of_sets(tmp_path / "rejects.csv", {"words": some(2), "none": [], "general": some(1)})

    rows = read_csv(tmp_path / "rejects.csv")

    assert [(row["dataset"], row["path"]) for row in rows] == [("words", "2.wav"), ("words", "3.wav"), ("general", "2.wav")]


def test_they_are_counted_by_reason_in_the_order_of_the_names() -> None:
    assert list(counted([*some(1), *some(2, CLIPPED), *some(2)]).items()) == [("clipping", 2), ("silence", 3)]
    assert counted([]) == {}


def test_ten_are_told_with_their_places_and_of_the_others_how_many_there_are() -> None:
    ten, twelve = (list(told(some(count), "data.csv", Path("rejects.csv"))) for count in (10, 12))

    assert ten[0] == "  data.csv:2: 2.wav: silence (nothing above -60 dB); record the clip again"
    assert [line.partition(": ")[0] for line in ten] == [f"  data.csv:{line}" for line in range(2, 12)]
    assert twelve == [*ten, "  and 2 more, in rejects.csv"]


def test_how_many_can_be_kept_is_told_whether_they_are_among_the_first_or_not() -> None:
    *_, last = told([*some(10), *some(3, CLIPPED)], "data.csv", Path("rejects.csv"))

    assert last == "  3 of them could be used: those for which you write keep into the column decision of rejects.csv"


def test_the_commonest_reason_is_told_first_and_five_rows_with_it() -> None:
    reasons = ["silence", *["file not found"] * 6]
    rejects = [Reject(line, "a.wav", "refuse", reason, "detail", "remedy") for line, reason in enumerate(reasons, 2)]

    with pytest.raises(DataError, match=r"0 of 7 rows are usable.* \(6 file not found, 1 silence\)") as error:
        require_enough(Checked([], rejects), min_clips=1, max_reject_share=1.0)

    assert str(error.value).splitlines()[1:] == [
        "  line 2: a.wav: detail; remedy",
        "  line 3: a.wav: detail; remedy",
        "  line 4: a.wav: detail; remedy",
        "  line 5: a.wav: detail; remedy",
        "  line 6: a.wav: detail; remedy",
    ]


def test_too_few_clips_and_too_many_rejects() -> None:
    clip = Clip("1", 2, "a.wav", "1", 2.0, 16_000, 1, "good morning", None, {})
    reject = Reject(3, "b.wav", "refuse", "file not found", "b.wav does not exist", "check the name")

    require_enough(Checked([clip] * 9, [reject]), min_clips=9, max_reject_share=0.1)
    with pytest.raises(DataError, match=r"9 of 10 rows are usable, data.min_clips asks for 10 \(1 file not found\)\n  line 3"):
        require_enough(Checked([clip] * 9, [reject]), min_clips=10, max_reject_share=0.1)
    with pytest.raises(DataError, match=r"2 of 10 rows are left out, more than data.max_reject_share 0.1"):
        require_enough(Checked([clip] * 8, [reject] * 2), min_clips=5, max_reject_share=0.1)
