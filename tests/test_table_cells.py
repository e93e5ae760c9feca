"""Cells of a table: times as people write them, quotes that hold lines, and characters that nobody can see."""

from pathlib import Path

import pytest

from tests.tables import bad, good, read_content, texts


@pytest.mark.parametrize(
    ("written", "seconds"), [("59", 59.0), ("75:30", 4530.0), ("1:59:59.5", 7199.5), ("1e1", 10.0), ("1:5", 65.0)]
)
def test_times(tmp_path: Path, written: str, seconds: float) -> None:
    (row,) = good(read_content(tmp_path, f"audio,text,start,end\na.wav,hi,{written},9000\n"))

    assert row.start == seconds


@pytest.mark.parametrize("written", ["1_000", "1:75", "1:60", "0:60:00", "1:75:00", "1:00:60", "1:2:3:4", "²"])
def test_what_is_no_time(tmp_path: Path, written: str) -> None:
    (row,) = bad(read_content(tmp_path, f"audio,text,start,end\na.wav,hi,{written},9000\n"))

    assert (row.reason, row.detail) == ("time can't be read", written)


def test_a_duration_that_cuts_nothing_is_not_read(tmp_path: Path) -> None:
    table = read_content(tmp_path, "audio,text,start,duration\na.wav,hi,,unknown\nb.wav,ho,1,unknown\n")

    assert [(row.line, row.reason) for row in bad(table)] == [(3, "time can't be read")]
    assert len(table.rows) == 2


@pytest.mark.parametrize(
    "text", ["vitals are:\n91, then 92", "list:\n12, aspirin\n13, codeine", "said:\n1002,", "one\n1002,two,three"]
)
def test_a_line_of_a_transcript_that_begins_with_a_number_is_no_row(tmp_path: Path, text: str) -> None:
    assert texts(read_content(tmp_path, f'audio,text\n1001,"{text}"\n')) == [text]


@pytest.mark.parametrize(
    "content",
    [
        'audio,text\n1001,"hello\n1002,good morning\n1003,he said hello"\n1004,last one\n',
        'audio,text,ward\n1001,"hello,6\n1002,yes,6\n1003,he said hello",6\n1004,last one,6\n',
        'audio,text,ward\n1001,"hello,6\nmore, and more\n1003,he said hello",6\n1004,last one,6\n',
        'audio,text\na.wav,"hello\nmore\nb.wav,yes, doctor, he said hello"\nd.wav,last one\n',
    ],
)
def test_rows_that_a_stray_quote_has_swallowed_are_found(tmp_path: Path, content: str) -> None:
    table = read_content(tmp_path, content)

    assert [(row.line, row.reason) for row in bad(table)] == [(2, "quote left open")]
    assert len(table.rows) == 2


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("a\x1b.wav,hi,6,1", "the audio"),
        ("a.wav,h\x1bi,6,1", "the transcript"),
        ("a.wav,hi,\x1b6,1", "column ward"),
        ("a.wav,hi,6,\x1b1", "the channel"),
    ],
)
def test_a_control_character_is_told_with_its_column(tmp_path: Path, row: str, place: str) -> None:
    (found,) = bad(read_content(tmp_path, f"audio,text,ward,channel\n{row}\n"))

    assert (found.reason, found.detail) == ("control characters", f"one in {place} is U+001B")
