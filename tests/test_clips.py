"""Clips: each row becomes a clip, or a reject with line, reason and remedy."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.machine.engine import Engine
from asr.recordings.clips import Checked, Source, check_rows, require_enough
from asr.recordings.rejects import Reject
from asr.tables.row import BadRow, Row
from tests.sounds import tone, write_mono_then_stereo, write_tone


def check_all(rows: list[Row | BadRow], root: Path, workers: int = 0, **source: Any) -> Checked:
    kept_in = root.with_name(f"{root.name}.{workers}.sqlite")
    return check_rows(rows, Source(str(root), **source), kept_in, Engine(workers=workers))


def check_one(row: Row | BadRow, root: Path, **source: Any) -> Clip | Reject:
    checked = check_all([row], root, **source)
    return checked.clips[0] if checked.clips else checked.rejects[0]


def check(audio: str, root: Path, text: str = "good morning") -> Clip | Reject:
    return check_one(Row(2, audio, text), root)


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
    assert rejected("", tmp_path) == "no path"


def test_an_mp3_that_changes_its_channels_is_rejected(tmp_path: Path) -> None:
    write_mono_then_stereo(tmp_path / "joined.mp3")

    result = check("joined.mp3", tmp_path)

    assert isinstance(result, Reject)
    assert (result.path, result.reason, result.remedy) == ("joined.mp3", "unreadable audio", "export each part by itself")
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

    checked = check_all([Row(line, f"{name}.wav", "good morning") for line, name in enumerate("abc", start=2)], tmp_path)

    first = checked.clips[0].id
    assert [clip.id for clip in checked.clips] == [first, f"{first}-2", f"{first}-3"]
    assert not checked.rejects


def test_the_same_audio_under_two_speakers_is_refused(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")

    checked = check_all([Row(2, "a.wav", "good morning", "ann"), Row(3, "a.wav", "good morning", "bob")], tmp_path)

    assert [clip.speaker for clip in checked.clips] == ["ann"]
    assert [(reject.line, reject.reason) for reject in checked.rejects] == [(3, "audio of two speakers")]


def test_parts_of_a_file_are_clips_of_their_own(tmp_path: Path) -> None:
    write_tone(tmp_path / "call.wav", seconds=20.0, channels=2)
    parts = [
        Row(2, "call.wav", "one", "ann", start=0.0, end=2.5),
        Row(3, "call.wav", "two", "bob", start=2.5, end=6.0, channel=1),
    ]

    clips = check_all([*parts], tmp_path).clips

    assert [(clip.start, clip.end, clip.channel, clip.seconds) for clip in clips] == [(0.0, 2.5, None, 2.5), (2.5, 6.0, 1, 3.5)]
    assert len({clip.id for clip in clips}) == 2
    assert len({clip.audio_hash for clip in clips}) == 1


def test_the_channel_of_all_files_gives_way_to_a_rows_own(tmp_path: Path) -> None:
    write_tone(tmp_path / "call.wav", channels=2)

    clips = check_all([Row(2, "call.wav", "one"), Row(3, "call.wav", "two", channel=0)], tmp_path, channel=1).clips

    assert [clip.channel for clip in clips] == [1, 0]


def test_a_part_that_is_left_out_is_named_as_one(tmp_path: Path) -> None:
    write_tone(tmp_path / "call.wav")

    result = check_one(Row(2, "call.wav", "", start=1.25, end=2.0, channel=0), tmp_path)

    assert isinstance(result, Reject)
    assert result.path == "call.wav (1.25 to 2 s, channel 0)"
    assert (result.file, result.start, result.end) == (f"{tmp_path}/call.wav", 1.25, 2.0)


def test_a_row_that_cannot_be_read_stays_what_it_is(tmp_path: Path) -> None:
    result = check_one(BadRow(7, "a.wav", "wrong number of fields", "3 fields", "quote it"), tmp_path)

    assert result == Reject(7, "a.wav", "refuse", "wrong number of fields", "3 fields", "quote it")


def test_a_language_is_kept_by_its_code_and_an_unknown_one_refused(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")

    known, unknown = (check_one(Row(2, "a.wav", "goedemorgen", language=name), tmp_path) for name in ("Dutch", "Klingon"))

    assert isinstance(known, Clip)
    assert known.language == "nl"
    assert isinstance(unknown, Reject)
    assert (unknown.reason, unknown.detail) == ("unknown language", "Whisper doesn't know Klingon")


@pytest.mark.parametrize(
    ("text", "is_used"),
    [
        ("<|0.00|> good<|1.20|>", True),
        ("a <| b |> c <", False),
        ("good <|endoftext|> morning", False),
        ("<|nl|>", False),
        ("<|", True),
    ],
)
def test_what_the_model_would_take_for_a_command_is_no_transcript(tmp_path: Path, text: str, is_used: bool) -> None:
    write_tone(tmp_path / "a.wav")

    result = check("a.wav", tmp_path, text)

    assert isinstance(result, Clip) or (result.reason, is_used) == ("special token in the transcript", False)
    assert isinstance(result, Clip) == is_used


@pytest.mark.parametrize(("claimed", "is_used"), [("2.4", True), ("2.6", False), ("", True), ("two", True)])
def test_a_clip_of_another_length_than_its_row_says_is_warned_of(tmp_path: Path, claimed: str, is_used: bool) -> None:
    write_tone(tmp_path / "a.wav", seconds=2.0)

    result = check_one(Row(2, "a.wav", "good morning", extra={"duration": claimed}), tmp_path)

    assert isinstance(result, Clip) == is_used


def test_a_warning_leaves_a_clip_out_until_somebody_keeps_it(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav", seconds=2.0)
    row = Row(2, "a.wav", "good morning", extra={"duration": "5"})

    left_out = check_one(row, tmp_path)
    assert isinstance(left_out, Reject)
    kept = check_one(row, tmp_path, kept={(left_out.path, left_out.reason)})

    assert (left_out.severity, left_out.reason) == ("warn", "other length than its row says")
    assert isinstance(kept, Clip)
    assert kept.notes == [left_out.reason]


def test_a_clip_that_is_unlike_the_rest_is_left_out_until_somebody_keeps_it(tmp_path: Path) -> None:
    rows: list[Row | BadRow] = []
    for number in range(30):
        write_tone(tmp_path / f"{number}.wav", hertz=200 + 10 * number)
        rows.append(Row(number + 2, f"{number}.wav", "good morning" if number else "good morning" * 9))

    checked = check_all(rows, tmp_path)
    kept = check_all(rows, tmp_path, kept={("0.wav", "transcript of another length")})

    assert [(reject.line, reject.reason, reject.severity) for reject in checked.rejects] == [
        (2, "transcript of another length", "warn")
    ]
    assert [clip.notes for clip in kept.clips][:2] == [["transcript of another length"], []]


def test_a_row_has_the_audio_of_its_own_path_whatever_the_order_of_names(tmp_path: Path) -> None:
    lengths = {"10.wav": 1.0, "9.wav": 2.0, "b.wav": 3.0, "a.wav": 4.0}
    for name, seconds in lengths.items():
        write_tone(tmp_path / name, seconds=seconds)

    clips = check_all([Row(line, name, f"text of {name}") for line, name in enumerate(lengths, 2)], tmp_path, workers=2).clips

    assert [(clip.text, clip.seconds) for clip in clips] == [(f"text of {name}", length) for name, length in lengths.items()]


def test_workers_change_nothing(tmp_path: Path) -> None:
    rows: list[Row | BadRow] = []
    for number in range(130):
        if number % 3:
            write_tone(tmp_path / f"{number}.wav", seconds=0.1 + number / 100, hertz=100 + number)
        rows.append(Row(number + 2, f"{number}.wav", "good morning"))

    assert check_all(rows, tmp_path) == check_all(rows, tmp_path, workers=3)


def test_too_few_clips_and_too_many_rejects() -> None:
    clip = Clip("1", 2, "a.wav", "1", 2.0, 16_000, 1, "good morning", None, {})
    reject = Reject(3, "b.wav", "refuse", "file not found", "b.wav does not exist", "check the name")

    require_enough(Checked([clip] * 9, [reject]), min_clips=9, max_reject_share=0.1)
    with pytest.raises(DataError, match=r"9 of 10 rows are usable, data.min_clips asks for 10 \(1 file not found\)\n  line 3"):
        require_enough(Checked([clip] * 9, [reject]), min_clips=10, max_reject_share=0.1)
    with pytest.raises(DataError, match=r"2 of 10 rows are left out, more than data.max_reject_share 0.1"):
        require_enough(Checked([clip] * 8, [reject] * 2), min_clips=5, max_reject_share=0.1)
