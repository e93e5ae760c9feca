"""Tables with named columns: what is found, what is told, and which rows and tables can't be used."""

from dataclasses import replace
from pathlib import Path

import pytest

from asr.base.errors import DataError
from asr.tables.columns import USUAL
from asr.tables.row import BadRow, Row
from asr.tables.table import ColumnNames, read_table
from tests.project import ROOT
from tests.tables import bad, good, read, read_content, texts

SPEAKERLESS = "no speaker column: the split and the intervals know no speakers"


def test_columns_are_found_and_the_others_kept(tmp_path: Path) -> None:
    table = read_content(tmp_path, "file_name,sentence,speaker,ward\na.wav, good morning ,ann,6\n")

    assert table.rows == [Row(2, "a.wav", "good morning", "ann", extra={"ward": "6"})]
    assert (table.format, table.root, table.told) == ("csv", None, (f"{tmp_path}/clips.csv: commas, UTF-8",))


@pytest.mark.parametrize(
    "header",
    [
        "audios,transcription,speaker,language",
        "Audio File,Transcript,Speaker ID,Lang",
        "AUDIO-PATH,Text,spk,LOCALE",
        "audio_filepath,utterance,client_id,locale",
        "wav_filename,transcript,spk_id,language",
    ],
)
def test_usual_names_of_columns_in_any_case(tmp_path: Path, header: str) -> None:
    assert good(read_content(tmp_path, f"{header}\na.wav,hi,ann,nl\n")) == [Row(2, "a.wav", "hi", "ann", "nl")]


def test_the_transcript_null_is_a_word(tmp_path: Path) -> None:
    assert texts(read_content(tmp_path, "audio,text\na.wav,null\nb.wav,NA\n")) == ["null", "NA"]


def test_a_formula_is_text(tmp_path: Path) -> None:
    assert texts(read_content(tmp_path, "audio,text\na.wav,=cmd|' /C calc'!A0\n")) == ["=cmd|' /C calc'!A0"]


def test_columns_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("wav1;said;who;tongue\na.wav;good, good morning;ann;nl\n")

    table = read(tmp_path / "clips.csv", named=ColumnNames("wav1", "said", "who", "tongue"))

    assert table.rows == [Row(2, "a.wav", "good, good morning", "ann", "nl")]


def test_a_named_column_that_is_not_there_stops_or_is_looked_for_by_its_usual_names(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("audio,text,speaker\na.wav,hi,ann\n")
    named = ColumnNames(text="said", speaker="who")

    with pytest.raises(DataError) as stop:
        read(tmp_path / "clips.csv", named=named)
    table = read(tmp_path / "clips.csv", named=replace(named, are_required=False))

    assert str(stop.value) == (
        f"{tmp_path}/clips.csv:1: no text column: looked for said (set data.text_column); "
        "no speaker column: looked for who (set data.speaker_column); the columns are audio, text, speaker"
    )
    assert table.rows == [Row(2, "a.wav", "hi", "ann")]


def test_a_column_that_is_named_is_nothing_else_by_its_usual_name(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("audio,text,channel\na.wav,hi,caller\n")

    assert read(tmp_path / "clips.csv", named=ColumnNames(speaker="channel")).rows == [Row(2, "a.wav", "hi", "caller")]


def test_the_page_on_formats_has_every_usual_name() -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")

    assert [name for usual in USUAL.values() for name in usual if f"`{name}`" not in page] == []


def test_the_log_says_which_of_two_transcripts_was_taken(tmp_path: Path) -> None:
    table = read_content(tmp_path, "path,text,transcription\na.wav,hello,Hello.\n")

    assert good(table) == [Row(2, "a.wav", "Hello.", extra={"text": "hello"})]
    assert "the transcript is the column transcription; text is there, too" in table.told


def test_missing_and_blank_speakers_are_told(tmp_path: Path) -> None:
    assert SPEAKERLESS in read_content(tmp_path, "audio,text\na.wav,hi\n").told

    table = read_content(tmp_path, "audio,text,speaker\na.wav,hi,ann\nb.wav,hi, \nc.wav,hi,\n")

    assert [row.speaker for row in good(table)] == ["ann", None, None]
    assert table.told[1:] == ("2 of 3 rows have no speaker",)


def test_two_columns_of_one_name_stop_when_they_are_needed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"clips.csv:1: two columns are named text; rename one"):
        read_content(tmp_path, "audio,text,text\na.wav,hi,hello\n")

    table = read_content(tmp_path, "audio,text,note,note,\na.wav,hi,1,2,3\n")

    assert good(table) == [Row(2, "a.wav", "hi", extra={"note": "1", "note_2": "2"})]
    assert "several columns are named note; they are kept as note, note_2 …" in table.told
    assert "columns without a name are left out: 5" in table.told


@pytest.mark.parametrize(
    ("columns", "cells", "start", "end", "channel"),
    [
        ("start,end", "1.5,2", 1.5, 2.0, None),
        ("start_time,end_time", "0:01:02.5,01:03", 62.5, 63.0, None),
        ("start,end", '"1,5",2', 1.5, 2.0, None),
        ("offset,duration", "0.1,0.2", 0.1, 0.3, None),
        ("start,end,duration", "1,2,9", 1.0, 2.0, None),
        ("start,end", "1.5,", 1.5, None, None),
        ("start,end", ",", None, None, None),
        ("start,end,channel", "0,1,1", 0.0, 1.0, 1),
        ("channel,note", "Right,", None, None, 1),
        ("channel,note", "left,", None, None, 0),
        ("channel,note", "0.0,", None, None, 0),
    ],
)
def test_a_part_of_a_file(
    tmp_path: Path, columns: str, cells: str, start: float | None, end: float | None, channel: int | None
) -> None:
    (row,) = good(read_content(tmp_path, f"audio,text,{columns}\na.wav,hi,{cells}\n"))

    assert (row.start, row.end, row.channel) == (start, end, channel)


@pytest.mark.parametrize(
    ("columns", "cells", "reason", "detail"),
    [
        ("start,end", "soon,2", "time can't be read", "soon"),
        ("start,end", "-1,2", "time can't be read", "-1"),
        ("start,end", "nan,2", "time can't be read", "nan"),
        ("start,end", ",2", "end without start", "it ends at 2 s"),
        ("start,end", "2,2", "end not after start", "from 2 to 2 s"),
        ("offset,duration", "2,0", "end not after start", "from 2 to 2 s"),
        ("channel", "phone", "channel can't be read", "phone"),
        ("channel", "-1", "channel can't be read", "-1"),
    ],
)
def test_a_part_that_cannot_be_read(tmp_path: Path, columns: str, cells: str, reason: str, detail: str) -> None:
    (row,) = bad(read_content(tmp_path, f"audio,text,{columns}\na.wav,hi,{cells}\n"))

    assert (row.line, row.audio, row.reason, row.detail) == (2, "a.wav", reason, detail)
    assert row.remedy


@pytest.mark.parametrize("column", ["start", "end", "offset"])
def test_a_time_without_its_other_half_is_told_and_no_part(tmp_path: Path, column: str) -> None:
    table = read_content(tmp_path, f"audio,text,{column}\na.wav,hi,2\n")

    assert good(table) == [Row(2, "a.wav", "hi", extra={column: "2"})]
    assert f"the column {column} is not used: times come in pairs (start and end, offset and duration)" in table.told


def test_a_duration_is_a_claim_and_no_part(tmp_path: Path) -> None:
    assert good(read_content(tmp_path, "audio,text,duration\na.wav,hi,2\n")) == [Row(2, "a.wav", "hi", extra={"duration": "2"})]

    assert good(read_content(tmp_path, "audio,text,offset,duration\na.wav,hi,,2\n"))[0].extra == {"duration": "2"}


def test_a_row_with_a_comma_too_many(tmp_path: Path) -> None:
    table = read_content(
        tmp_path, 'audios,transcription\na.wav,"yes, doctor"\nb.wav,yes, doctor\n\nc.wav,"two\nlines"\nd.wav,last one\n'
    )

    remedy = "quote a transcript that holds a comma"
    assert table.rows == [
        Row(2, "a.wav", "yes, doctor"),
        BadRow(3, "b.wav", "wrong number of fields", "3 fields where the header has 2", remedy),
        Row(5, "c.wav", "two\nlines"),
        Row(7, "d.wav", "last one"),
    ]


def test_blank_rows_are_no_rows(tmp_path: Path) -> None:
    table = read_content(tmp_path, "\naudio,text,note\n,,\na.wav,hi,\n\n,,\nb.wav,ho,x\n")

    assert [(row.line, row.text) for row in good(table)] == [(4, "hi"), (7, "ho")]


@pytest.mark.parametrize(
    "content",
    [
        'audio,text\na.wav,"hello\nb.wav,good morning\nc.wav,he said hello"\nd.wav,last one\n',
        'text,audio\n"hello,a.wav\ngood morning,b.wav\nhe said hello",c.wav\nlast one,d.wav\n',
        'id,audio,text\n1,x1,"hello\n2,x2,good morning\n3,x3,he said hello"\n4,x4,last one\n',
        'audio;text\r\na.wav;"hello\r\nb.wav;good; morning\r\nc.wav;he said hello"\r\nd.wav;last one\r\n',
    ],
)
def test_a_stray_quote_swallows_no_rows_in_silence(tmp_path: Path, content: str) -> None:
    table = read_content(tmp_path, content)

    assert [(row.line, type(row)) for row in table.rows] == [(2, BadRow), (5, Row)]
    assert (bad(table)[0].reason, bad(table)[0].detail) == (
        "quote left open", "a quoted field goes on to line 4 and holds what look like rows",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["one, two\nyes, doctor", "first line\nplease play song.mp3, doctor", "list:\n1, aspirin\n2, codeine", "one\nx,y"],
)
def test_a_transcript_of_several_lines_with_commas_is_no_open_quote(tmp_path: Path, text: str) -> None:
    assert texts(read_content(tmp_path, f'audio,text\na1.wav,"{text}"\n')) == [text]
    assert texts(read_content(tmp_path, f'audio,text\nx1-02,"{text}"\n')) == [text]
    assert texts(read_content(tmp_path, f'audio,text\nalpha,"{text}"\n')) == [text]


@pytest.mark.parametrize("text", ['a.wav,"hello\nb.wav,he said "hello" and left\n', 'a.wav,"never closed\n'])
def test_a_quote_that_cannot_be_right_stops_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"clips.csv:3: not a table \(.*\): a quote that opens a field must close it"):
        read_content(tmp_path, "audios,transcription\nx.wav,hi\n" + text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"clips.csv: empty; a table has a row for each clip"),
        (b"\xef\xbb\xbf\n\n", r"clips.csv:1: one column; part the cells by commas, semicolons, tabs or pipes"),
        (b"audio\na.wav\n", r"clips.csv:1: one column"),
        (b"sep=;\n;;\n", r"clips.csv: no row that can be read"),
        (
            b"audios,words\na.wav,hi\n",
            r":1: no text column: looked for transcription / text / .* the columns are audios, words",
        ),
        (
            b"said;words\na.wav;hi\n",
            r"no audio column: .*\(set data.audio_column\); no text column: .*\(set data.text_column\)",
        ),
        (b"x1,good morning\nx2,hi\n", r":1: no audio column: .* the columns are x1, good morning"),
        (b"PK\x03\x04\x14\x00", r"clips.csv: an Excel workbook, or packed; save the table as CSV in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_content(tmp_path, content)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"clips.csv: no such file; put it there, or correct the name in params.yaml"):
        read_table(tmp_path / "clips.csv", ColumnNames(), "auto", tmp_path)
