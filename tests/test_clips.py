"""Validation: each kind of bad row becomes a reject with line, reason and remedy; each kind of bad CSV stops with a message."""

from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.machine.engine import Engine
from asr.recordings.clips import check_rows, require_enough
from asr.recordings.rejects import Reject
from asr.tables.table import BadRow, TableRow, read_table
from tests.sounds import tone, write_mono_then_stereo, write_tone


def check(audio: str, root: Path, text: str = "good morning", speaker: str | None = None) -> Clip | Reject:
    clips, rejects = check_rows([TableRow(2, audio, text, speaker, {})], str(root), Engine(workers=0))
    return (clips + rejects)[0]


def rejected(audio: str, root: Path, text: str = "good morning") -> str:
    result = check(audio, root, text)
    assert isinstance(result, Reject)
    assert result.line == 2
    assert result.detail
    assert result.remedy
    return result.reason


def test_a_good_row(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav", seconds=1.5)

    result = check("a.wav", tmp_path)

    assert isinstance(result, Clip)
    assert (result.seconds, result.rate, result.channels, result.text) == (1.5, 16_000, 1, "good morning")
    assert result.path == f"{tmp_path}/a.wav"
    assert result.audio_hash.startswith(result.id)


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_formats_of_libsndfile(tmp_path: Path, extension: str) -> None:
    write_tone(tmp_path / f"a.{extension}", seconds=1.5)

    result = check(f"a.{extension}", tmp_path)

    assert isinstance(result, Clip)
    assert result.seconds == pytest.approx(1.5, abs=0.1)


def encode(path: Path, codec: str, seconds: float, rate: int, **options: str) -> Path:
    """Write a tone with FFmpeg."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate).T.copy(), format="fltp", layout="mono")
        frame.rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


@pytest.mark.parametrize("seconds", [4.0, 10.0])
def test_an_mp3_without_a_xing_header_is_read_to_its_end(tmp_path: Path, seconds: float) -> None:
    encode(tmp_path / "a.mp3", "libmp3lame", seconds, 44_100, write_xing="0")

    result = check("a.mp3", tmp_path)

    assert isinstance(result, Clip)
    assert result.seconds == pytest.approx(seconds, abs=0.1)


def test_a_webm_cut_short_is_rejected(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.webm", "libopus", 5.0, 48_000).read_bytes()
    (tmp_path / "cut.webm").write_bytes(whole[: len(whole) // 2])

    assert isinstance(check("whole.webm", tmp_path), Clip)
    assert rejected("cut.webm", tmp_path) == "unreadable audio"


def test_names_that_the_system_or_the_decoder_refuses(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(b"1234" * 1000)
    (tmp_path / "folder.wav").mkdir()

    assert rejected("a.raw", tmp_path) == "unreadable audio"
    assert rejected("folder.wav", tmp_path) == "file can't be opened"
    assert rejected("a long sentence in the place of a name " * 10, tmp_path) == "file can't be opened"


def test_m4a_through_ffmpeg(tmp_path: Path) -> None:
    encode(tmp_path / "a.m4a", "aac", 1.5, 44_100)

    result = check("a.m4a", tmp_path)

    assert isinstance(result, Clip)
    assert (result.rate, result.channels) == (44_100, 1)
    assert result.seconds == pytest.approx(1.5, abs=0.1)


def test_stereo_at_48_khz_is_usable(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav", seconds=1.5, rate=48_000, channels=2)

    result = check("a.wav", tmp_path)

    assert isinstance(result, Clip)
    assert (result.rate, result.channels, result.seconds) == (48_000, 2, 1.5)


def test_the_transcript_null_is_a_word(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    (tmp_path / "clips.csv").write_text("audios,transcription\na.wav,null\n")

    (row,) = read_table(tmp_path / "clips.csv", None, None, None)

    assert isinstance(row, TableRow)
    assert row.text == "null"
    assert isinstance(check("a.wav", tmp_path, text=row.text), Clip)


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    (tmp_path / "zero.wav").write_bytes(b"")
    (tmp_path / "text.mp3").write_text("this is not an mp3")
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    whole = write_tone(tmp_path / "whole.flac", seconds=5).read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 2])
    soundfile.write(tmp_path / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")

    assert rejected("missing.wav", tmp_path) == "file not found"
    assert rejected("zero.wav", tmp_path) == "empty file"
    assert rejected("text.mp3", tmp_path) == "unreadable audio"
    assert rejected("cut.flac", tmp_path) == "unreadable audio"
    assert rejected("silence.wav", tmp_path) == "silence"
    assert rejected("none.wav", tmp_path) == "no samples"
    assert rejected("nan.wav", tmp_path) == "invalid samples"
    assert rejected("a.wav", tmp_path, text="") == "empty transcript"
    assert rejected("", tmp_path) == "path outside audio_root"


def test_an_mp3_that_changes_its_channels_is_rejected(tmp_path: Path) -> None:
    write_mono_then_stereo(tmp_path / "joined.mp3")

    result = check("joined.mp3", tmp_path)

    assert isinstance(result, Reject)
    assert (result.path, result.reason, result.remedy) == ("joined.mp3", "unreadable audio", "export the recording again")
    assert result.detail == "changes from 16000 Hz, 1 channel to 16000 Hz, 2 channels after 1.01 s"


def test_a_wav_cut_short_is_rejected(tmp_path: Path) -> None:
    whole = write_tone(tmp_path / "whole.wav", seconds=5).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])

    assert rejected("cut.wav", tmp_path) == "unreadable audio"


def test_paths_may_not_leave_the_audio_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_tone(root / "in" / "a.wav")
    write_tone(tmp_path / "secret.wav")

    assert rejected("../secret.wav", root) == "path outside audio_root"
    assert rejected("in/../../secret.wav", root) == "path outside audio_root"
    assert rejected(str(tmp_path / "secret.wav"), root) == "path outside audio_root"
    assert isinstance(check("in/../in/a.wav", root), Clip)
    assert isinstance(check(str(root / "in" / "a.wav"), root), Clip)


def test_repeated_audio_has_ids_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_tone(tmp_path / f"{name}.wav")
    rows = [TableRow(line, f"{name}.wav", "good morning", None, {}) for line, name in enumerate("abc", start=2)]

    clips, rejects = check_rows(rows, str(tmp_path), Engine(workers=0))

    first = clips[0].id
    assert [clip.id for clip in clips] == [first, f"{first}-2", f"{first}-3"]
    assert not rejects


def test_the_same_audio_under_two_speakers_is_refused(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    rows = [TableRow(2, "a.wav", "good morning", "ann", {}), TableRow(3, "a.wav", "good morning", "bob", {})]

    clips, rejects = check_rows(rows, str(tmp_path), Engine(workers=0))

    assert [clip.speaker for clip in clips] == ["ann"]
    assert [(reject.line, reject.reason) for reject in rejects] == [(3, "audio of two speakers")]


def test_a_row_has_the_audio_of_its_own_path_whatever_the_order_of_names(tmp_path: Path) -> None:
    lengths = {"10.wav": 1.0, "9.wav": 2.0, "b.wav": 3.0, "a.wav": 4.0}
    for name, seconds in lengths.items():
        write_tone(tmp_path / name, seconds=seconds)
    rows = [TableRow(line, name, f"text of {name}", None, {}) for line, name in enumerate(lengths, start=2)]

    clips, _ = check_rows(rows, str(tmp_path), Engine(workers=2))

    assert [(clip.text, clip.seconds) for clip in clips] == [(f"text of {name}", length) for name, length in lengths.items()]


def test_workers_change_nothing(tmp_path: Path) -> None:
    rows = []
    for number in range(130):
        if number % 3:
            write_tone(tmp_path / f"{number}.wav", seconds=0.1 + number / 100, hertz=100 + number)
        rows.append(TableRow(number + 2, f"{number}.wav", "good morning", None, {}))

    assert check_rows(rows, str(tmp_path), Engine(workers=0)) == check_rows(rows, str(tmp_path), Engine(workers=3))


def test_a_row_with_a_comma_too_many(tmp_path: Path) -> None:
    csv = tmp_path / "clips.csv"
    csv.write_text('audios,transcription\na.wav,"yes, doctor"\nb.wav,yes, doctor\n\nc.wav,"two\nlines"\nd.wav,last one\n')

    rows = list(read_table(csv, None, None, None))

    assert [row.line for row in rows] == [2, 3, 5, 7]
    assert isinstance(rows[1], BadRow)
    assert rows[1].detail == "3 fields where the header has 2"
    assert isinstance(rows[0], TableRow)
    assert rows[0].text == "yes, doctor"
    _, rejects = check_rows([rows[1]], str(tmp_path), Engine(workers=0))
    assert Counter(reject.reason for reject in rejects) == {"wrong number of fields": 1}
    assert "quote" in rejects[0].remedy


def test_a_stray_quote_swallows_no_rows_in_silence(tmp_path: Path) -> None:
    csv = tmp_path / "clips.csv"
    csv.write_text('audios,transcription\na.wav,"hello\nb.wav,good morning\nc.wav,he said hello"\nd.wav,last one\n')

    rows = list(read_table(csv, None, None, None))

    assert [(row.line, type(row)) for row in rows] == [(2, BadRow), (5, TableRow)]
    assert isinstance(rows[0], BadRow)
    assert rows[0].reason == "quote left open"
    assert "on to line 4" in rows[0].detail


@pytest.mark.parametrize("text", ['a.wav,"hello\nb.wav,he said "hello" and left\n', 'a.wav,"never closed\n'])
def test_a_quote_that_cannot_be_right_stops_with_its_line(tmp_path: Path, text: str) -> None:
    csv = tmp_path / "clips.csv"
    csv.write_text("audios,transcription\n" + text)

    with pytest.raises(DataError, match=r"clips.csv:[23]: not a CSV .* a quote that opens a field must close it"):
        list(read_table(csv, None, None, None))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    csv = tmp_path / "clips.csv"
    csv.write_text("audios,transcription,transcription\na.wav,hi,hello\n")

    with pytest.raises(DataError, match=r"clips.csv:1: two columns are named transcription; rename one"):
        list(read_table(csv, None, None, None))


def test_columns_are_found_and_the_others_kept(tmp_path: Path) -> None:
    csv = tmp_path / "clips.csv"
    csv.write_text("\ufefffile_name,sentence,speaker,ward\na.wav,good morning,ann,6\n", encoding="utf-8")

    assert list(read_table(csv, None, None, None)) == [TableRow(2, "a.wav", "good morning", "ann", {"ward": "6"})]


def test_columns_may_be_named(tmp_path: Path) -> None:
    csv = tmp_path / "clips.csv"
    csv.write_text("wav,said,who\na.wav,good morning,ann\n")

    assert list(read_table(csv, "wav", "said", "who")) == [TableRow(2, "a.wav", "good morning", "ann", {})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"clips.csv: no such file; set data.csv"),
        (b"", r"clips.csv: empty; the first line must name the columns"),
        (b"audios;transcription\na.wav;hi\n", r"no audio column.*set data.audio_column.*no text column.*semicolons"),
        (b"audios,words\na.wav,hi\n", r"no text column: looked for transcription / text / .*columns are audios, words"),
        ("audios,transcription\na.wav,caf\u00e9\n".encode("latin-1"), r"not UTF-8 .*save it as UTF-8"),
    ],
)
def test_a_csv_that_cannot_be_used(tmp_path: Path, content: bytes | None, message: str) -> None:
    csv = tmp_path / "clips.csv"
    if content is not None:
        csv.write_bytes(content)

    with pytest.raises(DataError, match=message):
        list(read_table(csv, None, None, None))


def test_a_named_column_that_is_not_there(tmp_path: Path) -> None:
    csv = tmp_path / "clips.csv"
    csv.write_text("audios,transcription\na.wav,hi\n")

    with pytest.raises(DataError, match=r"no speaker column: looked for who \(set data.speaker_column\)"):
        list(read_table(csv, None, None, "who"))


def test_too_few_clips_and_too_many_rejects() -> None:
    clip = Clip("1", 2, "a.wav", "1", 2.0, 16_000, 1, "good morning", None, {})
    reject = Reject(3, "b.wav", "file not found", "b.wav does not exist", "check the name")

    require_enough([clip] * 9, [reject], min_clips=9, max_reject_share=0.1)
    with pytest.raises(DataError, match=r"9 of 10 rows are usable, data.min_clips asks for 10 \(1 file not found\)\n  line 3"):
        require_enough([clip] * 9, [reject], min_clips=10, max_reject_share=0.1)
    with pytest.raises(DataError, match=r"2 of 10 rows can't be used, more than data.max_reject_share 0.1"):
        require_enough([clip] * 8, [reject] * 2, min_clips=5, max_reject_share=0.1)
