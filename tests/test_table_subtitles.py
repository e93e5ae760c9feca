"""Subtitles as programs and people write them: where the numbers of cues stand, and cues that run into the next."""

from pathlib import Path

import pytest

from asr.tables.row import Row
from tests.tables import bad, good, read, texts

ONE, TWO, THREE = (f"00:00:0{start},000 --> 00:00:0{start + 1},000" for start in (1, 2, 3))


def subtitles(folder: Path, *lines: str, name: str = "a.srt") -> Path:
    """A folder of a recording with these lines of subtitles."""
    (folder / "a.wav").touch()
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "lines",
    [
        ("1", "", ONE, "hello", "", "2", "", TWO, "91", "", "3", "", THREE, "bye"),
        ("1", ONE, "hello", "2", TWO, "91", "3", THREE, "bye"),
        ("7", ONE, "hello", "", "4", TWO, "91", "", "9", THREE, "bye"),
        ("1", ONE, "hello", "", "", "2", TWO, "", "91", "", "3", THREE, "bye"),
        ("1", ONE, "hello", "", TWO, "91", "", THREE, "bye"),
        (ONE, "hello", TWO, "91", THREE, "bye"),
        (ONE, "hello", "", TWO, "91", "", THREE, "bye"),
        (ONE, "hello", "", "2", TWO, "91", "", "3", THREE, "bye"),
    ],
)
def test_numbers_of_cues_are_no_words_and_words_are_no_numbers(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert texts(read(subtitles(tmp_path, *lines))) == ["hello", "91", "bye"]


def test_a_cue_of_several_numbers(tmp_path: Path) -> None:
    lines = ("1", ONE, "120", "80", "", "2", TWO, "3", "4", "", "3", THREE, "4")

    assert texts(read(subtitles(tmp_path, *lines))) == ["120 80", "3 4", "4"]


def test_a_cue_that_runs_a_little_into_the_next_ends_there(tmp_path: Path) -> None:
    times = ("00:01.000 --> 00:02.001", "00:02.000 --> 00:03.100", "00:03.000 --> 00:04.101", "00:04.000 --> 00:05.000")

    table = read(subtitles(tmp_path, "WEBVTT", *(f"\n{each}\nsaid" for each in times), name="a.vtt"))

    assert [(row.start, row.end) for row in table.rows if isinstance(row, Row)] == [(1.0, 2.0), (2.0, 3.0)]
    assert [(row.line, row.detail) for row in bad(table)] == [
        (9, "3 to 4.101 s, and line 12 has 4 to 5 s"),
        (12, "4 to 5 s, and line 9 has 3 to 4.101 s"),
    ]


def test_a_cue_that_would_be_cut_to_nothing_overlaps(tmp_path: Path) -> None:
    times = ("00:01.000 --> 00:01.050", "00:01.000 --> 00:03.000")

    table = read(subtitles(tmp_path, "WEBVTT", *(f"\n{each}\nsaid" for each in times), name="a.vtt"))

    assert [row.reason for row in bad(table)] == ["overlapping cues", "overlapping cues"]


def test_hidden_files_are_no_shards_and_no_subtitles(tmp_path: Path) -> None:
    subtitles(tmp_path, "1", ONE, "hello")
    for name in ("._a.wav", "._a.srt", "._a.parquet"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "__MACOSX").mkdir()

    assert [row.audio for row in good(read(tmp_path))] == ["a.wav"]
