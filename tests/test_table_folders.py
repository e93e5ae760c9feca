"""Folders of clips: no metadata goes unread in silence, and what is broken in one file is a bad row or is told."""

from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from asr.base.errors import DataError
from asr.tables.row import Row
from asr.tables.table import ColumnNames
from tests.tables import bad, good, read


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def kaldi(folder: Path, *segments: str) -> Path:
    """A folder whose segments are these."""
    write(folder / "wav.scp", "call call.wav")
    write(folder / "text", "u1 good morning")
    write(folder / "segments", *segments)
    return folder


def test_segments_that_are_cut_short_in_a_line_are_a_bad_row(tmp_path: Path) -> None:
    (row,) = bad(read(kaldi(tmp_path, "u1")))

    assert (row.line, row.audio, row.reason) == (1, "u1", "broken segment")
    assert row.detail == "line 1 of segments: nothing behind the name"
    assert row.remedy == "write the recording, the start and the end in seconds"
    assert [row.reason for row in bad(read(kaldi(tmp_path, "u1 call")))] == ["broken segment"]


@pytest.mark.parametrize("end", ["-1", "-1.", "-1.0", "-1.000"])
def test_an_end_of_minus_one_is_the_files(tmp_path: Path, end: str) -> None:
    assert good(read(kaldi(tmp_path, f"u1 call 0.5 {end}"))) == [Row(1, "call.wav", "good morning", start=0.5)]


def test_an_end_of_minus_two_is_no_time(tmp_path: Path) -> None:
    assert [row.reason for row in bad(read(kaldi(tmp_path, "u1 call 0.5 -2")))] == ["time can't be read"]


def test_kaldis_folder_says_nothing_of_a_root_that_another_decides_on(tmp_path: Path) -> None:
    told = read(kaldi(tmp_path, "u1 call 0 1")).told

    assert "the first recording in wav.scp is not found in the folder" in told
    assert not any("audio_root" in line for line in told)


@pytest.mark.parametrize("name", ["text", "wav.scp"])
def test_a_file_that_kaldis_folder_lacks_is_told_with_what_to_do(tmp_path: Path, name: str) -> None:
    (kaldi(tmp_path, "u1 call 0 1") / name).unlink()

    with pytest.raises(DataError) as stop:
        read(tmp_path, "kaldi")

    assert str(stop.value) == f"{tmp_path}/{name}: no such file; put it there, or correct the name in params.yaml"


def test_a_folder_in_the_place_of_a_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    (kaldi(tmp_path, "u1 call 0 1") / "utt2spk").mkdir()

    with pytest.raises(
        DataError, match="utt2spk: a folder, where a file is needed; name a file in it, or move the folder away"
    ):
        read(tmp_path)


def test_every_subfolder_with_a_splits_name_is_read(tmp_path: Path) -> None:
    for name in ("testing", "dev", "Train", ".val"):
        write(tmp_path / name / "metadata.csv", "file_name,text", f"{name}.wav,hi")

    table = read(tmp_path)

    assert good(table) == [
        Row(2, "Train/Train.wav", "hi", extra={"split": "Train"}),
        Row(2, "dev/dev.wav", "hi", extra={"split": "dev"}),
        Row(2, "testing/testing.wav", "hi", extra={"split": "testing"}),
    ]
    assert not any("not read" in line for line in table.told)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("metadata.csv", "train/metadata.jsonl"),
        ("metadata.csv", "metadata.jsonl"),
        ("train/metadata.csv", "train/metadata.jsonl"),
    ],
)
def test_metadata_that_would_not_be_read_stops(tmp_path: Path, first: str, second: str) -> None:
    for name in (first, second):
        line = '{"file_name": "a.wav", "text": "hi"}' if name.endswith("jsonl") else "file_name,text\na.wav,hi"
        write(tmp_path / name, line)

    with pytest.raises(DataError) as stop:
        read(tmp_path)

    assert str(stop.value) == (
        f"{tmp_path}/{first} and {tmp_path}/{second} are both metadata; take one away, or name the one that is meant"
    )
    assert len(good(read(tmp_path / first))) == len(good(read(tmp_path / second))) == 1


def test_metadata_in_a_folder_without_a_splits_name_is_told(tmp_path: Path) -> None:
    for name in ("train", "eval"):
        write(tmp_path / name / "metadata.csv", "file_name,text", "a.wav,hi")

    table = read(tmp_path)

    assert [row.audio for row in good(table)] == ["train/a.wav"]
    assert "eval/metadata.csv: metadata in a folder without a split's name, which is not read" in table.told


def test_a_folder_is_put_before_relative_paths_alone(tmp_path: Path) -> None:
    paths = ["a.wav", "", "https://host/a.wav", "/calls/a.wav", r"C:\calls\a.wav"]
    write(tmp_path / "train" / "metadata.csv", "file_name,text", *(f"{path},hi" for path in paths))

    assert [row.audio for row in good(read(tmp_path))] == ["train/a.wav", *paths[1:]]


def test_bytes_beside_paths_are_no_audio(tmp_path: Path) -> None:
    rows = {"path": ["a.wav"], "sentence": ["hi"], "embedding": [b"\x00\x01"]}
    parquet.write_table(pyarrow.table(rows), tmp_path / "a.parquet")

    table = read(tmp_path / "a.parquet")

    assert (good(table), table.root) == ([Row(1, "a.wav", "hi")], None)
    assert "embedding: bytes, which are left out" in table.told


@pytest.mark.parametrize(
    "columns",
    [
        {"speech": b"RIFF"},
        {"audio": b"RIFF", "embedding": b"no"},
        {"audio": b"RIFF", "image": {"bytes": b"no", "path": "a.png"}},
        {"speech": {"bytes": b"RIFF", "path": "a.wav"}, "path": "a.wav"},
        {"audio": {"bytes": b"RIFF", "path": "a.wav"}, "image": {"bytes": b"no", "path": "a.png"}, "embedding": b"no"},
    ],
)
def test_which_bytes_are_audio(tmp_path: Path, columns: dict[str, object]) -> None:
    parquet.write_table(pyarrow.Table.from_pylist([{"text": "hi", **columns}]), tmp_path / "a.parquet")

    table = read(tmp_path / "a.parquet")

    assert table.root is not None
    assert [(table.root / row.audio).read_bytes() for row in good(table)] == [b"RIFF"]


def test_bytes_are_found_where_the_named_column_belongs_to_another_table(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"speech": [b"RIFF"], "text": ["hi"]}), tmp_path / "a.parquet")

    table = read(tmp_path / "a.parquet", named=ColumnNames(audio="recording", are_required=False))

    assert table.audio_column == "speech"
    assert len(good(table)) == 1


def splits_of(folder: Path, *names: str, **more: list[str]) -> list[str | None]:
    """The splits of tables of one row under these names."""
    for name in names:
        (folder / "data").mkdir(exist_ok=True)
        parquet.write_table(pyarrow.table({"path": [f"{name}.wav"], "text": ["hi"], **more}), folder / "data" / name)
    return [row.extra.get("split") for row in good(read(folder))]


def test_shards_that_are_named_after_their_splits_have_them_as_a_column(tmp_path: Path) -> None:
    names = ("dev-00000-of-00001.parquet", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet")

    assert splits_of(tmp_path, *names) == ["dev", "train", "train"]
    assert "the shards' names say the splits: the column split has dev, train" in read(tmp_path).told


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet"),
        ("test-00000-of-00001.parquet", "other-00000-of-00001.parquet"),
        ("test-00000-of-00001.parquet", "train.parquet"),
    ],
)
def test_names_that_do_not_say_splits_are_no_column(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert splits_of(tmp_path, *names) == [None, None]


def test_a_column_split_counts_more_than_names_of_shards(tmp_path: Path) -> None:
    names = ("test-00000-of-00001.parquet", "train-00000-of-00001.parquet")

    assert splits_of(tmp_path, *names, split=["mine"]) == ["mine", "mine"]


def test_a_hidden_file_is_no_shard(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"path": ["a.wav"], "text": ["hi"]}), tmp_path / "a.parquet")
    (tmp_path / "._a.parquet").write_bytes(b"\x00\x05\x16\x07")

    assert [row.audio for row in good(read(tmp_path))] == ["a.wav"]


def test_a_shard_that_is_a_link_to_nothing_stops(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"path": ["a.wav"], "text": ["hi"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").symlink_to("nothing.parquet")

    with pytest.raises(DataError, match=r"b.parquet: no such file"):
        read(tmp_path)
