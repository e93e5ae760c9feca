"""Tables in text: encodings, delimiters, quotes, ends of lines, and tables without a line of names."""

from dataclasses import replace
from pathlib import Path

import pytest

from asr.base.errors import DataError
from asr.tables.row import BadRow, Row
from asr.tables.table import ColumnNames
from tests.tables import bad, good, read, read_content, texts

UNICODE = "audio,text\na.wav,“één” Straße\nb.wav,доброе утро\nc.wav,早上好\n"


@pytest.mark.parametrize(
    ("codec", "mark", "told"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", b"\xef\xbb\xbf", "UTF-8"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
        ("utf-16-be", b"", "UTF-16"),
    ],
)
def test_encodings_that_are_certain(tmp_path: Path, codec: str, mark: bytes, told: str) -> None:
    table = read_content(tmp_path, mark + UNICODE.encode(codec))

    assert texts(table) == ["“één” Straße", "доброе утро", "早上好"]
    assert table.told[0] == f"{tmp_path}/clips.csv: commas, {told}"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "lines",
    [
        ["звук,слова", "запись/1.wav,доброе утро", "запись/2.wav," + "очень длинное предложение " * 9],
        ["音,字", "录音/1.wav,一二三早上好", "录音/2.wav," + "今天的天气一直都非常好我们一起去公园散步吧" * 2],
    ],
)
def test_utf_16_without_a_mark_in_another_alphabet(tmp_path: Path, codec: str, lines: list[str]) -> None:
    header, *rows = lines
    (tmp_path / "clips.csv").write_bytes("\n".join(lines).encode(codec))

    table = read(tmp_path / "clips.csv", named=ColumnNames(*header.split(",")))

    assert [f"{row.audio},{row.text}" for row in good(table)] == [row.strip() for row in rows]


@pytest.mark.parametrize("damage", [b"\x00", b"\x00\x00", b"\x00" * 200])
def test_zeros_in_utf_8_make_no_utf_16_of_it(tmp_path: Path, damage: bytes) -> None:
    table = read_content(tmp_path, b"audio,text\na.wav,good morning\nb.wav," + damage + b"\nc.wav,hi there\n")

    assert table.told[0].endswith(": commas, UTF-8")
    assert [row.reason for row in bad(table)] == ["control characters"]


@pytest.mark.parametrize(
    ("codec", "sentences"),
    [
        ("cp1252", ["le café est fermé à midi", "où est-il allé, garçon ?"]),
        ("cp1252", ["el niño tosió", "mañana estará más tranquilo"]),
        ("cp1252", ["o coração está bem", "três comprimidos após a refeição"]),
        ("cp1252", ["perché non è venuto", "la città è grande", "più tardi sarà così"]),
        ("cp1252", ["läkaren är här nu", "ögonen är röda"]),
        ("cp1252", ["the café is closed", "“quoted” text – with a dash", "it’s the patient’s dose"]),
        ("cp1250", ["żółw idzie ścieżką", "proszę przyjść później"]),
        ("cp1250", ["příliš žluťoučký kůň", "třikrát denně po jídle"]),
        ("cp1251", ["доброе утро, доктор"]),
        ("cp1253", ["καλημέρα σας γιατρέ"]),
        ("cp1254", ["günaydın doktor, nasılsınız"]),
        ("cp1255", ["בוקר טוב דוקטור"]),
        ("cp1256", ["صباح الخير يا دكتور"]),
        ("cp1257", ["šiandien skauda galvą", "žmogus ėjo namo"]),
        ("koi8_r", ["доброе утро, доктор"]),
        ("cp932", ["おはようございます先生", "お大事にしてください"]),
        ("gb18030", ["医生早上好"]),
        ("big5", ["醫生早安"]),
        ("cp949", ["안녕하세요 의사 선생님"]),
    ],
)
def test_encodings_that_are_guessed(tmp_path: Path, codec: str, sentences: list[str]) -> None:
    rows = "".join(f"audios/{number}.wav;{sentence}\n" for number, sentence in enumerate(sentences))

    table = read_content(tmp_path, f"audio;text\n{rows}".encode(codec))

    assert texts(table) == sentences
    assert "(guessed, so that it reads " in table.told[0]


def test_a_guess_is_told_with_words_to_see_it_by(tmp_path: Path) -> None:
    table = read_content(tmp_path, "audio;text\na.wav;le café, d’été\nb.wav;café\n".encode("cp1252"))

    assert table.told[0] == (
        f"{tmp_path}/clips.csv: semicolons, cp1252 (guessed, so that it reads café, d’été, café; save it as UTF-8 to be sure)"
    )


def test_a_broken_byte_of_utf_8_stops_with_its_place_in_the_file(tmp_path: Path) -> None:
    before = "audio,text\n" + "a.wav,le café\n" * 100_000
    content = before.encode() + b"b.wav,caf\xe9\nc.wav,hi\n"

    with pytest.raises(DataError) as stop:
        read_content(tmp_path, content)

    place = content.index(b"\xe9\n")
    assert place > 1 << 20
    assert str(stop.value) == (
        f"{tmp_path}/clips.csv:100002: byte {place:,} of the file (0xe9) is not UTF-8; save the file as UTF-8"
    )


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_the_line_of_a_broken_byte_with_other_ends_of_lines(tmp_path: Path, end: str) -> None:
    content = f"audio,text{end}a.wav,né à é{end}b.wav,".encode() + b"\xe9 x"

    with pytest.raises(DataError, match=r"clips.csv:3: byte \d+ of the file \(0xe9\) is not UTF-8"):
        read_content(tmp_path, content)


def test_a_character_of_utf_8_that_breaks_off_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"clips.csv:3: byte 30 of the file \(0xc3\) is not UTF-8"):
        read_content(tmp_path, "audio,text\na.wav,né é\nb.wav,é".encode()[:-1])


def test_utf_16_that_breaks_off(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"clips.csv:2: byte 38 of the file \(0x61\) is not UTF-16"):
        read_content(tmp_path, "audio,text\na.wav,ha".encode("utf-16")[:-1])


@pytest.mark.parametrize(("delimiter", "told"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "pipes")])
def test_delimiters(tmp_path: Path, delimiter: str, told: str) -> None:
    table = read_content(tmp_path, "audio,text,ward\na.wav,good morning,6\n".replace(",", delimiter))

    assert good(table) == [Row(2, "a.wav", "good morning", extra={"ward": "6"})]
    assert table.told[0].endswith(f": {told}, UTF-8")


def test_paths_tell_what_parts_rows_without_names(tmp_path: Path) -> None:
    assert texts(read_content(tmp_path, "a.wav,one; two\nb.wav,three; four\n")) == ["one; two", "three; four"]


def test_what_parts_the_names_parts_the_rows(tmp_path: Path) -> None:
    table = read_content(tmp_path, "audio;text\na.wav;one, two | three\nb.wav;four, five | six\n")

    assert texts(table) == ["one, two | three", "four, five | six"]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_excels_first_line_says_what_parts_the_cells_and_counts_as_a_line(tmp_path: Path, first: str) -> None:
    table = read_content(tmp_path, f"{first}\r\naudio;text\r\na.wav;good, good morning\r\nb.wav\r\n")

    assert table.rows[0] == Row(3, "a.wav", "good, good morning")
    assert [(row.line, row.detail) for row in bad(table)] == [(4, "1 fields where the header has 2")]
    assert bad(table)[0].remedy == "quote a transcript that holds a semicolon"


def test_excels_first_line_before_rows_without_names(tmp_path: Path) -> None:
    table = read_content(tmp_path, "sep=;\na.wav;good morning\nb.wav\n")

    assert [row.line for row in table.rows] == [2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines(tmp_path: Path, end: str) -> None:
    table = read_content(tmp_path, f'audio,text{end}a.wav,"one{end}two"{end}{end}b.wav,hi{end}')

    assert [(row.line, row.text) for row in good(table)] == [(2, f"one{end}two"), (5, "hi")]


def test_a_space_behind_the_comma_and_before_the_quote(tmp_path: Path) -> None:
    assert texts(read_content(tmp_path, 'audio, text\na.wav, "yes, doctor"\n')) == ["yes, doctor"]


@pytest.mark.parametrize("delimiter", ["\t", "|"])
@pytest.mark.parametrize(
    ("content", "expected", "told"),
    [
        # Without quoting, as Common Voice and LJSpeech are written.
        ('audio,text\na.wav,"Hello" she said\nb.wav,"Bye."\n', ['"Hello" she said', '"Bye."'], "quotes are part of the text"),
        ('audio,text\na.wav,"Bye."\nb.wav,he said "hi"\n', ['"Bye."', 'he said "hi"'], "quotes are part of the text"),
        ('audio,text\na.wav,"never closed\nb.wav,hi\n', ['"never closed', "hi"], "quotes are part of the text"),
        # As a program writes that quotes what it must.
        ('audio,text\na.wav,"He said ""hi"""\nb.wav,hi\n', ['He said "hi"', "hi"], "quoted"),
        ('audio,text\na.wav,"one,two"\nb.wav,hi\n', ["one,two", "hi"], "quoted"),
        ('audio,text\na.wav,"one\ntwo"\nb.wav,hi\n', ["one\ntwo", "hi"], "quoted"),
        # As a program writes that quotes all text.
        ('"audio","text"\n"a.wav","Hello."\n"b.wav","hi"\n', ["Hello.", "hi"], "quoted"),
    ],
)
def test_quotes_between_tabs_and_pipes(tmp_path: Path, delimiter: str, content: str, expected: list[str], told: str) -> None:
    table = read_content(tmp_path, content.replace(",", delimiter))

    assert texts(table) == [text.replace(",", delimiter) for text in expected]
    assert f"s, {told}, UTF-8" in table.told[0]


def test_excel_quotes_commas_between_tabs(tmp_path: Path) -> None:
    assert texts(read_content(tmp_path, 'audio\ttext\na.wav\t"yes, doctor"\nb.wav\thi\n')) == ["yes, doctor", "hi"]
    plain = read_content(tmp_path, 'audio\ttext\na.wav\t"yes, doctor"\nb.wav\tyes, doctor\n')
    assert texts(plain) == ['"yes, doctor"', "yes, doctor"]


def test_a_long_cell_between_tabs_may_be_quoted(tmp_path: Path) -> None:
    (row,) = good(read_content(tmp_path, f'audio\ttext\tnote\na.wav\thi\t"{"x" * 200_000}""y"""\n'))

    assert row.extra["note"].endswith('xx"y"')


def test_a_tab_too_many_where_nothing_is_quoted(tmp_path: Path) -> None:
    (row,) = bad(read_content(tmp_path, 'audio\ttext\na.wav\thi\t"there\n'))

    assert row.remedy == "take the tab out of a transcript that has one"


@pytest.mark.parametrize(
    "content",
    [
        "a.wav,good morning\nb.wav,hi\n",
        "a.wav;good, good morning\nb.wav;hi\n",
        "wavs/a.wav|good morning\nwavs/b.wav|hi\n",
        "good morning\ta.wav\nhi\tb.wav\n",
        "a.wav,text\nb.wav,hi\n",
    ],
)
def test_two_columns_without_names(tmp_path: Path, content: str) -> None:
    table = read_content(tmp_path, content)

    assert table.format == "csv"
    assert [(row.line, Path(row.audio).name) for row in good(table)] == [(1, "a.wav"), (2, "b.wav")]
    assert texts(table)[1] == "hi"
    assert ": no line of names, " in table.told[0]


def test_a_row_of_other_width_where_nothing_is_named(tmp_path: Path) -> None:
    (row,) = bad(read_content(tmp_path, "a.wav,good morning\nb.wav,bad, morning\n"))

    assert (row.line, row.detail) == (2, "3 fields where the first row has 2")


def test_more_columns_without_names_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"its 3 columns have no names; put them into a line before it, such as audio\|text\|spe"
    ):
        read_content(tmp_path, "wavs/a.wav|3|good morning\nwavs/b.wav|4|hi\n")


LJSPEECH = (
    'LJ001-0001|Printing, in the only sense with 1 "r|Printing, in the only sense with one "r\n'
    "LJ001-0002|in being comparatively modern.|in being comparatively modern.\n"
)


def test_ljspeech(tmp_path: Path) -> None:
    table = read_content(tmp_path, LJSPEECH, "metadata.csv")

    assert (table.format, table.root) == ("ljspeech", tmp_path)
    assert read_content(tmp_path, LJSPEECH, "clips.csv").root is None
    assert good(table)[0] == Row(
        1, "LJ001-0001", 'Printing, in the only sense with 1 "r',
        extra={"normalized_text": 'Printing, in the only sense with one "r'},
    )  # fmt: skip
    assert table.told[:2] == (
        f"{tmp_path}/metadata.csv: LJSpeech's table, pipes, quotes are part of the text, UTF-8",
        "the transcript is the second column, as written; the third, as spoken, is kept as normalized_text",
    )


def test_ljspeech_by_its_folder(tmp_path: Path) -> None:
    rows = good(read_content(tmp_path, LJSPEECH, "metadata.csv"))

    table = read(tmp_path)

    assert (table.format, table.root) == ("ljspeech", tmp_path)
    assert table.rows == rows
    assert read(tmp_path, "ljspeech") == table


def test_ljspeech_may_be_forced(tmp_path: Path) -> None:
    content = "audio,text\nsaid,hi\n"

    assert [row.audio for row in good(read_content(tmp_path, content, format="ljspeech"))] == ["audio", "said"]
    assert [row.audio for row in good(read_content(tmp_path, content, format="csv"))] == ["said"]
    with pytest.raises(DataError, match="4 columns; LJSpeech's table has an id, a transcript and perhaps a normalised one"):
        read_content(tmp_path, "a|b|c|d\n", format="ljspeech")


HEADER = "client_id\tpath\tsentence\tlocale\n"


def test_common_voice_has_the_lists_beside_it_as_a_column(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(HEADER + "c1\ta.mp3\tHello.\ten\nc3\td.mp3\tTwice.\ten\n")
    (tmp_path / "test.tsv").write_text(HEADER + "c2\tb.mp3\tBye.\ten\nc3\td.mp3\tTwice.\ten\n")
    rows = "".join(f"c{number}\t{name}.mp3\tHello.\ten\n" for number, name in enumerate("abcd"))

    table = read_content(tmp_path, HEADER + rows, "validated.tsv")

    assert [row.extra["split"] for row in good(table)] == ["train", "test", "", "test"]
    assert good(table)[0] == Row(2, "a.mp3", "Hello.", "c0", "en", extra={"split": "train"})
    assert table.told[-1] == ("Common Voice's lists beside it: 3 of 4 rows are in one, and have its name in the column split")


def test_a_column_split_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(HEADER + "c1\ta.mp3\tHello.\ten\n")
    header = HEADER.replace("locale", "split")

    table = read_content(tmp_path, header + "c1\ta.mp3\tHello.\tmine\n", "validated.tsv")

    assert good(table)[0].extra == {"split": "mine"}


def test_a_broken_row_of_common_voice_stays_broken(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(HEADER + "c1\ta.mp3\tHello.\ten\n")

    table = read_content(tmp_path, HEADER + "c1\ta.mp3\n", "validated.tsv")

    assert [replace(row, remedy="") for row in bad(table)] == [
        BadRow(2, "a.mp3", "wrong number of fields", "2 fields where the header has 4", "")
    ]
