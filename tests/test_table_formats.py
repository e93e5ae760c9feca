"""Formats of tables: each has the same rows as a CSV of the same clips, and names what it can't read."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from asr.base.errors import DataError
from asr.tables.row import BadRow, Row
from asr.tables.table import ColumnNames, Format
from tests.sounds import write_tone
from tests.tables import bad, good, read, read_content

CLIPS = [
    {"path": "a.wav", "text": "yes, doctor", "speaker": "ann", "lang": "en", "ward": "6"},
    {"path": "b.wav", "text": 'un "café" fermé', "speaker": "bob", "lang": "fr", "ward": "7"},
    {"path": "c.wav", "text": "доброе утро", "speaker": "", "lang": "ru", "ward": ""},
]
PARTS = [
    {"path": "a.wav", "text": "yes, doctor", "start": "0.25", "end": "0.5"},
    {"path": "a.wav", "text": "доброе утро", "start": "0.5", "end": "61.5"},
    {"path": "b.wav", "text": "un café fermé", "start": "3661", "end": "3662.125"},
]


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def csv_rows(folder: Path, clips: Sequence[dict[str, str]]) -> list[Row]:
    """The rows of a CSV of clips, without their lines."""
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in clip.values()) for clip in clips]
    return without_lines(read(write(folder / "plain" / "clips.csv", ",".join(clips[0]), *lines)).rows)


def without_lines(rows: Iterable[Row | BadRow]) -> list[Row]:
    return [replace(row, line=0) for row in rows if isinstance(row, Row)]


def shards(folder: Path, *names: str, audio: bool = True) -> Path:
    """Write clips as Parquet, one in each file, with their audio inside as datasets have it."""
    folder.mkdir(exist_ok=True)
    for name, clip in zip(names, CLIPS, strict=False):
        sound = {"bytes": write_tone(folder.parent / "tones" / clip["path"], hertz=200 + len(name)).read_bytes()}
        cell = {**sound, "path": f"../../{clip['path']}"} if audio else clip["path"]
        rest = {key: clip[key] for key in ("text", "speaker", "lang", "ward")}
        parquet.write_table(pyarrow.Table.from_pylist([{"audio": cell, **rest}]), folder / name)
    return folder


@pytest.mark.parametrize("nested", [False, True])
def test_json_lines_and_an_array(tmp_path: Path, nested: bool) -> None:
    objects = [{**clip, "speaker": clip["speaker"] or None} for clip in CLIPS]
    content = json.dumps(objects, indent=1) if nested else "".join(json.dumps(each) + "\n" for each in objects)

    table = read_content(tmp_path, content, "clips.json")

    assert table.format == "jsonl"
    assert without_lines(table.rows) == csv_rows(tmp_path, CLIPS)
    assert [row.line for row in table.rows] == [1, 2, 3]
    assert table.told[0].endswith(": a JSON array, UTF-8" if nested else ": JSON lines, UTF-8")


def test_nemos_manifest(tmp_path: Path) -> None:
    lines = [
        {"audio_filepath": "a.wav", "text": "hi", "offset": 0.25, "duration": 1.5, "lang": "en", "speaker": 7},
        {"audio_filepath": "b.wav", "text": "ho", "duration": 2},
    ]

    table = read_content(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), "manifest.jsonl")

    assert table.rows == [
        Row(1, "a.wav", "hi", "7", "en", start=0.25, end=1.75, extra={"duration": "1.5"}),
        Row(2, "b.wav", "ho", extra={"duration": "2"}),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, ""), (3, "3"), (2.5, "2.5"), (float("nan"), ""), ({"a": ["é"]}, '{"a": ["é"]}'), ([], "[]")],
)
def test_values_that_are_no_text(tmp_path: Path, value: Any, text: str) -> None:
    (row,) = good(read_content(tmp_path, json.dumps({"audio": "a.wav", "text": "hi", "note": value}), "clips.jsonl"))

    assert row.extra == {"note": text}


def test_broken_lines_of_json(tmp_path: Path) -> None:
    table = read_content(
        tmp_path,
        '{"audio": "a.wav", "text": "hi"}\n{"audio": "b.wav", \n\n["c.wav"]\n{"audio": "d.wav", "text": ["hi"]}\n'
        '{"audio": "e.wav", "text": "hi", "ward": "6"}\n',
        "clips.jsonl",
    )

    assert [(row.line, row.reason) for row in bad(table)] == [(2, "broken JSON"), (4, "no JSON object"), (5, "nested value")]
    assert without_lines(table.rows) == [
        Row(0, "a.wav", "hi", extra={"ward": ""}), Row(0, "e.wav", "hi", extra={"ward": "6"}),
    ]  # fmt: skip


def test_a_broken_array_of_json_stops_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"clips.json:3: broken JSON after 1 objects: Expecting ',' delimiter"):
        read_content(tmp_path, '[\n{"audio": "a.wav", "text": "hi"},\n{"audio": "b.wav" "text": "hi"}\n]', "clips.json")
    with pytest.raises(DataError, match=r"clips.json:1: broken JSON after 1 objects: Expecting ',' or '\]'"):
        read_content(tmp_path, '[{"audio": "a.wav", "text": "hi"}', "clips.json")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_audiofolder(tmp_path: Path, ending: str) -> None:
    clips = [{"file_name": clip["path"], **{key: cell for key, cell in clip.items() if key != "path"}} for clip in CLIPS]
    path = tmp_path / "set" / f"metadata.{ending}"
    if ending == "csv":
        cells = ('"' + cell.replace('"', '""') + '"' for clip in clips for cell in clip.values())
        write(path, ",".join(clips[0]), *map(",".join, zip(*[cells] * 5, strict=True)))
    elif ending == "jsonl":
        write(path, *map(json.dumps, clips))
    else:
        path.parent.mkdir()
        parquet.write_table(pyarrow.Table.from_pylist(clips), path)

    by_folder, by_file, forced = read(tmp_path / "set"), read(path), read(path, "audiofolder")

    assert without_lines(by_folder.rows) == csv_rows(tmp_path, CLIPS)
    for table in (by_folder, by_file, forced):
        assert (table.rows, table.format, table.root) == (by_folder.rows, "audiofolder", tmp_path / "set")
    assert read(path, "parquet" if ending == "parquet" else "csv" if ending == "csv" else "jsonl").root is None


def test_audiofolder_with_a_folder_for_each_split(tmp_path: Path) -> None:
    write(tmp_path / "train" / "metadata.csv", "file_name,transcription", "a.wav,hi", "b.wav")
    write(tmp_path / "validation" / "metadata.jsonl", '{"file_name": "in/c.wav", "transcription": "ho"}')
    parquet.write_table(pyarrow.table({"file_name": ["d.wav"], "transcription": ["ha"]}), tmp_path / "metadata.parquet")
    (tmp_path / "test").mkdir()
    (tmp_path / "metadata.parquet").rename(tmp_path / "test" / "metadata.parquet")

    table = read(tmp_path)

    assert (table.format, table.root) == ("audiofolder", tmp_path)
    assert without_lines(table.rows) == [
        Row(0, "train/a.wav", "hi", extra={"split": "train"}),
        Row(0, "validation/in/c.wav", "ho", extra={"split": "validation"}),
        Row(0, "test/d.wav", "ha", extra={"split": "test"}),
    ]
    assert [(row.line, row.audio) for row in bad(table)] == [(3, "train/b.wav")]


def test_a_metadata_csv_without_file_names_has_its_paths_beside_it_by_its_name_and_by_its_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "metadata.csv", "path,text", "a.wav,hi")

    assert (read(path).format, read(path).root) == ("csv", tmp_path)
    assert read(path).told[-1] == f"the paths start in {tmp_path}, as the table is called metadata.csv"
    assert (read(tmp_path).rows, read(tmp_path).root) == (read(path).rows, tmp_path)
    assert (read(path, "audiofolder").format, read(path, "audiofolder").root) == ("audiofolder", tmp_path)
    assert (read(path, "csv").format, read(path, "csv").root) == ("csv", None)
    assert read(path.rename(tmp_path / "clips.csv")).root is None


def test_kaldi_without_segments(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    write(tmp_path / "wav.scp", *(f"u{number} {clip['path']}" for number, clip in enumerate(CLIPS)))
    write(tmp_path / "text", *(f"u{number}\t{clip['text']}" for number, clip in enumerate(CLIPS)))
    write(tmp_path / "utt2spk", "u0 ann", "u1 bob")

    table = read(tmp_path)

    assert (table.format, table.root) == ("kaldi", tmp_path)
    clips = [{key: clip[key] for key in ("path", "text", "speaker")} for clip in CLIPS]
    assert without_lines(table.rows) == csv_rows(tmp_path, clips)
    assert table.told == (
        f"{tmp_path}: Kaldi's folder, without segments",
        "the paths in wav.scp start in the folder",
        "1 of 3 rows have no speaker",
    )


def test_kaldi_with_segments(tmp_path: Path) -> None:
    write(tmp_path / "wav.scp", "ra /calls/a.wav", "rb /calls/b.wav")
    write(tmp_path / "text", *(f"u{number} {part['text']}" for number, part in enumerate(PARTS)))
    segments = (f"u{number} r{part['path'][0]} {part['start']} {part['end']}" for number, part in enumerate(PARTS))
    write(tmp_path / "segments", *segments)

    table = read(tmp_path)

    assert table.root is None
    absolute = [{**part, "path": f"/calls/{part['path']}"} for part in PARTS]
    assert without_lines(table.rows) == csv_rows(tmp_path, absolute)


def test_what_kaldi_lacks(tmp_path: Path) -> None:
    write(tmp_path / "wav.scp", "r1 a.wav", "r2 touch ran |", "r3 c.wav", "r3 d.wav")
    write(tmp_path / "text", "u1 to the end", "u2 a command", "u3 no segment", "u4 broken", "u5 no recording")
    write(tmp_path / "segments", "u1 r1 2 -1 1", "u2 r2 0 1", "u4 r1 0", "u5 r9 0 1", "u6 r1 0 1")

    table = read(tmp_path, "kaldi")

    assert good(replace(table, rows=table.rows[:1])) == [Row(1, "a.wav", "to the end", start=2.0, channel=1)]
    assert [(row.line, row.audio, row.reason) for row in bad(table)] == [
        (2, "u2", "command in wav.scp"),
        (3, "u3", "no audio"),
        (4, "u4", "broken segment"),
        (5, "u5", "no audio"),
        (4, "r3", "listed twice"),
        (5, "u6", "no transcript"),
    ]
    assert "run the command once" in bad(table)[0].remedy


@pytest.mark.parametrize("names", [["all.parquet"], ["train-0.parquet", "train-10.parquet", "train-2000.parquet"]])
def test_parquet_with_the_audio_inside(tmp_path: Path, names: list[str]) -> None:
    folder = shards(tmp_path / "shards", *names)

    table = read(folder if len(names) > 1 else folder / names[0])

    unpacked = table.root
    assert unpacked is not None
    expected = csv_rows(tmp_path, CLIPS[: len(names)])
    assert [replace(row, audio="") for row in without_lines(table.rows)] == [replace(row, audio="") for row in expected]
    for number, row in enumerate(good(table), start=1):
        assert row.line == number
        assert (unpacked / row.audio).read_bytes() == (tmp_path / "tones" / CLIPS[number - 1]["path"]).read_bytes()
    assert sorted(path.name for path in unpacked.iterdir()) == sorted(row.audio for row in good(table))
    assert {Path(row.audio).suffix for row in good(table)} == {".wav"}


def test_parquet_of_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    sound = write_tone(tmp_path / "a.flac").read_bytes()
    rows = datasets.Dataset.from_dict({"audio": [{"bytes": sound, "path": "a.wav"}], "sentence": ["hi"]})
    rows.cast_column("audio", datasets.Audio(decode=False)).to_parquet(str(tmp_path / "train.parquet"))

    table = read(tmp_path / "train.parquet")

    (row,) = good(table)
    assert (row.text, Path(row.audio).suffix) == ("hi", ".flac")
    assert (tmp_path / "unpacked" / row.audio).read_bytes() == sound


def test_parquet_of_paths_is_a_table_like_any_other(tmp_path: Path) -> None:
    folder = shards(tmp_path / "shards", "0.parquet", audio=False)

    table = read(folder)

    assert (table.format, table.root) == ("parquet", None)
    assert without_lines(table.rows) == csv_rows(tmp_path, CLIPS[:1])


def test_a_row_of_parquet_without_its_audio(tmp_path: Path) -> None:
    sounds = [{"bytes": b"RIFF", "path": None}, {"bytes": None, "path": "b.wav"}, None]
    parquet.write_table(pyarrow.table({"audio": sounds, "text": ["hi", "ho", "ha"]}), tmp_path / "a.parquet")

    table = read(tmp_path / "a.parquet")

    assert [(row.line, row.audio, row.reason) for row in bad(table)] == [
        (2, "b.wav", "no audio inside"), (3, "", "no audio inside"),
    ]  # fmt: skip


def test_audio_inside_the_metadata_of_an_audiofolder(tmp_path: Path) -> None:
    (shards(tmp_path / "set", "0.parquet") / "0.parquet").rename(tmp_path / "set" / "metadata.parquet")

    table = read(tmp_path / "set" / "metadata.parquet", "audiofolder")

    assert (table.format, table.root) == ("parquet", tmp_path / "set" / "unpacked")
    with pytest.raises(DataError, match=r"set: its metadata holds audio; name the file itself"):
        read(tmp_path / "set")


def test_shards_of_two_tables_are_not_mixed(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"path": ["a.wav"], "text": ["hi"]}), tmp_path / "a.parquet")
    parquet.write_table(pyarrow.table({"path": ["a.wav"], "text": ["hi"], "ward": ["6"]}), tmp_path / "b.parquet")

    with pytest.raises(DataError, match=r"b.parquet: its columns are not those of .*a.parquet; name one of the two tables"):
        read(tmp_path)


def srt(parts: Sequence[dict[str, str]], point: str) -> list[str]:
    times = {"0.25": "00:00:00.250", "0.5": "00:00:00.500", "61.5": "00:01:01.500", "3661": "01:01:01.000"}
    return [
        line.replace(".", point)
        for part in parts
        for line in ("7", f"{times[part['start']]} --> {times.get(part['end'], '01:01:02.125')}", f"<i>{part['text']}</i>", "")
    ]


def test_subtitles(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    write(tmp_path / "a.srt", *srt(PARTS[:2], ","))
    write(tmp_path / "b.vtt", "WEBVTT", "", *srt(PARTS[2:], "."))

    table = read(tmp_path)

    assert (table.format, table.root) == ("subtitles", tmp_path)
    assert without_lines(table.rows) == csv_rows(tmp_path, PARTS)
    assert [row.line for row in table.rows] == [2, 6, 4]


def test_what_is_no_speech_in_subtitles(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    write(
        tmp_path / "a.vtt", "WEBVTT", "", "STYLE", "::cue { color: red }", "", "intro-1",
        "00:01.000 --> 00:02.000 align:start", "<v Ann>Tom &amp; <c.red>Jerry</c></v>", "<00:01.500>ran", "",
        "NOTE", "a comment", "", "0b5a-4", "00:03.000 --> 00:04.000", "away",
    )  # fmt: skip
    write(
        tmp_path / "b.srt", "1", "00:00:01,000 --> 00:00:02,000", r"{\an8}in", "", "1984", "",
        "2", "00:00:02,000 --> 00:00:03,000", '<font color="red">for</font> ever', "3",
    )  # fmt: skip

    assert [row.text for row in good(read(tmp_path))] == ["Tom & Jerry ran", "away", "in 1984", "for ever 3"]


def test_cues_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    write(
        tmp_path / "a.srt", "1", "00:00:01,000 --> 00:00:03,000", "one", "", "2", "00:00:02,500 --> 00:00:04,000", "two", "",
        "3", "00:00:04,000 --> 00:00:05,000", "three", "", "4", "00:00:06,000 --> 00:00:06,000", "four", "",
        "5", "00:00:07 -> 00:00:08", "five", "", "6", ":0:1,0 --> :0:2,0", "six", "", "7", "00:00:09,000 --> 00:00:10,000", "7",
    )  # fmt: skip

    table = read(tmp_path)

    assert [row.text for row in without_lines(table.rows)] == ["three", "7"]
    assert [(row.line, row.reason, row.detail) for row in bad(table)] == [
        (2, "overlapping cues", "1 to 3 s, and line 6 has 2.5 to 4 s"),
        (6, "overlapping cues", "2.5 to 4 s, and line 2 has 1 to 3 s"),
        (14, "end not after start", "from 6 to 6 s"),
        (18, "broken cue", "a.srt: 00:00:07 -> 00:00:08"),
        (22, "broken cue", "a.srt: :0:1,0 --> :0:2,0"),
    ]


def test_each_cue_that_overlaps_any_other_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    times = (("00:01", "00:09"), ("00:02", "00:03"), ("00:05", "00:06"), ("00:09", "00:10"), (":00:11", ":00:12"))
    write(tmp_path / "a.vtt", "WEBVTT", *(f"\n{start}.000 --> {end}.000\nsaid" for start, end in times))

    table = read(tmp_path)

    assert [(row.start, row.end) for row in without_lines(table.rows)] == [(9.0, 10.0)]
    assert [(row.line, row.reason) for row in bad(table)] == [
        (3, "overlapping cues"), (6, "overlapping cues"), (9, "overlapping cues"), (15, "broken cue"),
    ]  # fmt: skip


def test_recordings_and_subtitles_that_have_no_other_half(tmp_path: Path) -> None:
    for name in ("calls/a.wav", "calls/b.mp3", "calls/b.wav", "calls/c.wav", ".hidden/d.wav"):
        write(tmp_path / name)
    for name in ("calls/b.srt", "calls/b.vtt", "calls/e.en.srt"):
        write(tmp_path / name, "1", "00:00:01,000 --> 00:00:02,000", "un café")
    (tmp_path / "calls" / "b.srt").write_bytes("1\n00:00:01,000 --> 00:00:02,000\nun café\n".encode("cp1252"))
    write(tmp_path / "calls" / "c.srt", "nothing")

    table = read(tmp_path)

    assert without_lines(table.rows) == [Row(0, "calls/b.mp3", "un café", start=1.0, end=2.0)]
    assert [(row.audio, row.reason) for row in bad(table)] == [
        ("calls/a.wav", "no subtitles"),
        ("calls/b.wav", "no subtitles"),
        ("calls/c.wav", "no cue"),
        ("calls/e.en.srt", "no recording"),
    ]
    assert "`python -m commands.transcribe FOLDER --format srt`" in bad(table)[0].remedy
    assert table.told == (
        f"{tmp_path}: 4 recordings and their subtitles, a row for each cue",
        f"{tmp_path}/calls/b.vtt is not used, as b.srt is beside it",
        f"{tmp_path}/calls/b.srt: cp1252 (guessed, so that it reads café; save it as UTF-8 to be sure)",
        "subtitles name no speakers: the split and the intervals know no speakers",
    )


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        (
            "calls",
            "auto",
            r"a folder without metadata.csv, wav.scp, .parquet, .srt or .vtt; name the file in it, such as x.tsv",
        ),
        ("calls", "csv", r"calls: a folder; format csv is a file"),
        ("calls", "jsonl", r"calls: a folder; format jsonl is a file"),
        ("calls", "parquet", r"calls: no .parquet in it"),
        (
            "calls",
            "audiofolder",
            r"calls: no metadata.csv or metadata.jsonl or metadata.parquet in the folder itself, train, val",
        ),
        ("calls", "kaldi", r"calls/wav.scp: no such file"),
        ("calls", "ljspeech", r"calls/metadata.csv: no such file"),
        ("empty", "subtitles", r"empty: no recording and no subtitles; name the folder that has both"),
        ("calls/x.tsv", "kaldi", r"x.tsv: a file; format kaldi is a folder"),
        ("calls/x.tsv", "subtitles", r"x.tsv: a file; format subtitles is a folder"),
        ("calls/x.tsv", "parquet", r"x.tsv: not Parquet, or damaged \(.*\); copy it again"),
        ("calls/x.tsv", "jsonl", r"x.tsv: no JSON object that can be read; line 1: Expecting value"),
    ],
)
def test_what_is_not_of_the_format(tmp_path: Path, name: str, format: Format, message: str) -> None:
    write(tmp_path / "calls" / "x.tsv", "path\ttext", "a.wav\thi")
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match=message):
        read(tmp_path / name, format)


def test_a_named_column_of_parquet_and_of_json(tmp_path: Path) -> None:
    named = ColumnNames(audio="speech", text="said")
    parquet.write_table(pyarrow.table({"speech": ["a.wav"], "said": ["hi"], "text": ["ho"]}), tmp_path / "a.parquet")
    write(tmp_path / "a.jsonl", '{"speech": "a.wav", "said": "hi", "text": "ho"}')

    for name in ("a.parquet", "a.jsonl"):
        assert read(tmp_path / name, named=named).rows == [Row(1, "a.wav", "hi", extra={"text": "ho"})]
