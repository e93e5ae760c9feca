"""Tables that nobody would write, or somebody would on purpose: a message or bad rows, at once and in little memory."""

import json
import os
import tracemalloc
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from asr.base.errors import DataError
from asr.tables import parquet as tables_parquet
from asr.tables.row import Row
from tests.tables import bad, good, read, read_content, texts

LONG = "x" * 10_000_000


@pytest.mark.parametrize("name", ["clips.csv", "metadata.csv", "a.parquet", "a.jsonl"])
def test_a_pipe_is_not_opened(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)

    with pytest.raises(DataError, match=f"{name}: a pipe or a device, where a file is needed"):
        read(tmp_path / name)


def test_a_device_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="/dev/zero: a pipe or a device, where a file is needed"):
        read(Path("/dev/zero"))


def test_a_pipe_among_shards_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.parquet")

    with pytest.raises(DataError, match=r"0.parquet: a pipe or a device"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["wav.scp", "text", "segments", "utt2spk"])
def test_a_pipe_in_kaldis_folder_is_not_opened(tmp_path: Path, name: str) -> None:
    for each in ("wav.scp", "text"):
        (tmp_path / each).write_text("u1 a.wav\n")
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)

    with pytest.raises(DataError, match=f"{name}: a pipe or a device"):
        read(tmp_path)


def test_what_the_system_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").symlink_to(tmp_path / "clips.csv")

    with pytest.raises(DataError, match=r"clips.csv: Too many levels of symbolic links; check its name and its permissions"):
        read(tmp_path / "clips.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_file_that_one_may_not_read(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("audio,text\na.wav,hi\n")
    (tmp_path / "clips.csv").chmod(0)

    with pytest.raises(DataError, match=r"clips.csv: Permission denied; check its name and its permissions"):
        read(tmp_path / "clips.csv")


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_cells_of_ten_megabytes_are_bad_rows(tmp_path: Path, delimiter: str) -> None:
    rows = ["audio,text,note", f"a.wav,{LONG},", f"{LONG},hi,", f"b.wav,hi,{LONG}", "c.wav,hi,"]

    table = read_content(tmp_path, "\n".join(rows).replace(",", delimiter))

    assert [(row.line, row.reason) for row in bad(table)] == [(2, "transcript too long"), (3, "audio too long")]
    assert [len(row.audio) for row in bad(table)] == [5, 101]
    assert [row.line for row in table.rows if isinstance(row, Row)] == [4, 5]


def test_a_transcript_of_ten_thousand_characters_is_the_longest(tmp_path: Path) -> None:
    table = read_content(tmp_path, f"audio,text\na.wav,{'x' * 10_000}\nb.wav,{'x' * 10_001}\n")

    assert [(row.line, row.detail) for row in bad(table)] == [(3, "10,001 characters, more than 10,000")]
    assert isinstance(table.rows[0], Row)


def test_an_open_quote_does_not_take_the_rest_of_a_large_file_into_memory(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"clips.csv:3: not a table \(field larger than field limit \(16777216\)\): a quote that"
    ):
        read_content(tmp_path, 'audio,text\na.wav,hi\nb.wav,"' + "x,y\n" * 4_200_000)


def test_a_hundred_thousand_columns(tmp_path: Path) -> None:
    many = [f"c{number}" for number in range(100_000)]

    with pytest.raises(DataError, match=r"100,000 columns, more than 1,000; is it a table of clips\?"):
        read_content(tmp_path, ",".join(many) + "\n" + "," * 99_999 + "\n")
    with pytest.raises(DataError, match=r"columns, more than 1,000"):
        read_content(tmp_path, json.dumps(dict.fromkeys(many, 1)), "clips.jsonl")
    with pytest.raises(DataError, match=r"columns, more than 1,000"):
        read_content(tmp_path, "".join(json.dumps({name: 1}) + "\n" for name in many[:2_000]), "clips.jsonl")


def test_a_row_of_a_hundred_thousand_cells(tmp_path: Path) -> None:
    (row,) = bad(read_content(tmp_path, "audio,text\na.wav,hi" + "," * 99_998 + "\n"))

    assert row.detail == "100000 fields where the header has 2"


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f"])
def test_control_characters_are_bad_rows_and_reach_no_terminal(tmp_path: Path, sign: str) -> None:
    table = read_content(tmp_path, f"audio,text\na{sign}.wav,hi\nb.wav,h{sign}i\nc.wav,hi\n")

    assert [(row.line, row.audio, row.reason) for row in bad(table)] == [
        (2, "a?.wav", "control characters"), (3, "b.wav", "control characters"),
    ]  # fmt: skip
    assert bad(table)[0].detail == f"one in the audio is U+{ord(sign):04X}"


def test_tabs_and_breaks_of_lines_are_no_control_characters(tmp_path: Path) -> None:
    assert texts(read_content(tmp_path, 'audio,text\na.wav,"one\ttwo\r\nthree\vfour"\n')) == ["one\ttwo\r\nthree\vfour"]


def test_half_a_character_in_json(tmp_path: Path) -> None:
    table = read_content(tmp_path, '{"audio": "a.wav", "text": "h\\ud800"}\n{"audio": "b.wav", "text": "hi"}\n', "a.jsonl")

    assert [(row.line, row.detail) for row in bad(table)] == [(1, "one in the transcript is U+D800")]
    with pytest.raises(DataError, match=r"half a character .* in a column's name"):
        read_content(tmp_path, '{"audio": "a.wav", "text": "hi", "\\ud800": 1}\n', "a.jsonl")


@pytest.mark.parametrize("value", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, "9" * 5_000])
def test_json_that_is_nested_too_deep_or_a_number_that_is_too_long(tmp_path: Path, value: str) -> None:
    broken, whole = '{"audio": "a.wav", "text": "hi", "x": ' + value + "}", '{"audio": "b.wav", "text": "hi", "x": ""}'

    table = read_content(tmp_path, f"{broken}\n{whole}\n", "clips.jsonl")

    assert [(row.line, row.reason) for row in bad(table)] == [(1, "broken JSON")]
    assert [row.line for row in table.rows if isinstance(row, Row)] == [2]
    with pytest.raises(DataError, match=r"clips.json: object 2: .*; is it nested too deep, or a number too long\?"):
        read_content(tmp_path, f"[{whole}, {broken}]", "clips.json")


def test_ten_thousand_broken_rows(tmp_path: Path) -> None:
    assert len(bad(read_content(tmp_path, "audio,text\n" + "a.wav\n" * 10_000))) == 10_000
    lines = '{"audio": "a.wav", "text": "hi"}\n' + "{\n" * 10_000
    assert len(bad(read_content(tmp_path, lines, "clips.jsonl"))) == 10_000


def test_a_long_word_of_a_guessed_encoding(tmp_path: Path) -> None:
    assert texts(read_content(tmp_path, f"audio,text\na.wav,né\nb.wav,à {'x' * 9_000}\n".encode("cp1252")))[0] == "né"
    assert len(bad(read_content(tmp_path, f"audio,text\na.wav,né à {'x' * 90_000}\n".encode("cp1252")))) == 1


def test_parquet_writes_no_file_by_the_name_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    sounds = [{"bytes": b"no sound", "path": f"{tmp_path}/evil.wav"}, {"bytes": b"none", "path": "../evil.sh"}]
    parquet.write_table(pyarrow.table({"audio": sounds, "text": ["hi", "ho"]}), tmp_path / "in" / "a.parquet")

    rows = good(read(tmp_path / "in" / "a.parquet"))

    assert [Path(row.audio).suffix for row in rows] == [".wav", ".audio"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert sorted(path.name for path in (tmp_path / "in" / "unpacked").iterdir()) == sorted(row.audio for row in rows)


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1"])
def test_damaged_parquet(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"a.parquet: not Parquet, or damaged \(.*\); copy it again"):
        read_content(tmp_path, content, "a.parquet")


def test_parquet_is_unpacked_a_few_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sounds = [{"bytes": os.urandom(1_000_000), "path": "a.wav"} for _ in range(60)]
    parquet.write_table(pyarrow.table({"audio": sounds, "text": ["hi"] * 60}), tmp_path / "a.parquet", write_batch_size=1)
    before = pyarrow.total_allocated_bytes()
    held: list[int] = []

    def keep(content: bytes, written: str, folder: Path) -> str:
        held.append(pyarrow.total_allocated_bytes() - before)
        return written

    monkeypatch.setattr(tables_parquet, "_keep", keep)
    monkeypatch.setattr(tables_parquet, "WHOLE", 20_000_000)
    tracemalloc.start()
    try:
        read(tmp_path / "a.parquet")
        in_python = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(held) == 60
    assert 1_000_000 < max(held) < 30_000_000
    assert in_python < 20_000_000


@pytest.mark.parametrize("words", ["<a" * 500_000, "{" * 1_000_000, "a\n" * 500_000])
def test_subtitles_that_would_keep_a_parser_busy(tmp_path: Path, words: str) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.srt").write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{words}\n")

    assert [(row.line, row.reason) for row in bad(read(tmp_path))] == [(2, "transcript too long")]


def test_a_cue_of_many_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nhi" + "\n" * 500_000)

    assert texts(read(tmp_path)) == ["hi"]


def test_a_page_of_parquet_that_claims_two_gigabytes_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"path": ["a.wav"] * 1000, "text": ["hi"] * 1000}), path)
    content = bytearray(path.read_bytes())
    # In the first page's header, 0x15 is before each of two sizes: as it is, and compressed, both of one byte here.
    assert [content[place] for place in (4, 6, 8)] == [0x15] * 3
    content[8:14] = b"\x15\xfe\xff\xff\xff\x0f"
    path.write_bytes(content)
    before = pyarrow.default_memory_pool().max_memory()

    with pytest.raises(DataError, match="damaged"):
        read(path)

    assert pyarrow.default_memory_pool().max_memory() < before + 100_000_000
