"""Clips: each row becomes a clip, or a reject with line, reason and remedy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from asr.base.entries import Clip
from asr.machine.engine import Engine
from asr.recordings.clips import Checked, Source, check_rows
from asr.recordings.rejects import Reject
from asr.tables.row import BadRow, Row
from tests.sounds import write_tone
from tests.test_bandwidth import voice


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


def test_a_clip_has_what_it_sounds_like(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", voice(6), 16_000)

    result = check("a.wav", tmp_path)

    assert isinstance(result, Clip)
    assert (result.peak_db, result.bandwidth) == (-10.5, 8_000)
    assert len(result.fingerprint) > 10


def test_a_clip_has_its_rows_speaker_and_other_columns(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")

    result = check_one(Row(2, "a.wav", "good morning", "ann", extra={"session": "7"}), tmp_path)

    assert isinstance(result, Clip)
    assert (result.speaker, result.extra) == ("ann", {"session": "7"})


def test_a_clip_in_which_nobody_speaks_as_somebody_has_said_is_one_without_words(tmp_path: Path) -> None:
    for name in ("pause.wav", "wordy.wav", "spoken.wav"):
        write_tone(tmp_path / name)
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    texts = {"pause.wav": "", "wordy.wav": "of a phone", "silence.wav": "", "broken.wav": "", "spoken.wav": ""}
    rows: list[Row | BadRow] = [Row(line, name, text, f"speaker {line}") for line, (name, text) in enumerate(texts.items(), 2)]

    before = check_all(rows, tmp_path)
    checked = check_all(rows, tmp_path, without_speech=set(texts) - {"spoken.wav"})

    assert [(each.path, each.reason) for each in before.rejects] == [
        ("pause.wav", "empty transcript"),
        ("silence.wav", "empty transcript"),
        ("broken.wav", "empty transcript"),
        ("spoken.wav", "empty transcript"),
    ]
    assert [(Path(clip.path).name, clip.text, clip.seconds, clip.peak_db) for clip in checked.clips] == [
        ("pause.wav", "", 2.0, -6.0),
        ("wordy.wav", "", 2.0, -6.0),
        ("silence.wav", "", 1.0, -100.0),
    ]
    assert [(each.path, each.reason) for each in checked.rejects] == [
        ("broken.wav", "unreadable audio"),
        ("spoken.wav", "empty transcript"),
    ]


def test_the_same_silence_of_two_speakers_is_no_contradiction_as_nobody_speaks(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, np.zeros(16_000), 16_000)

    checked = check_all([Row(2, "a.wav", "", "ann"), Row(3, "b.wav", "", "bob")], tmp_path, without_speech={"a.wav", "b.wav"})

    assert [clip.speaker for clip in checked.clips] == ["ann", "bob"]
    assert len({clip.id for clip in checked.clips}) == 2


def test_clips_without_speech_are_no_outliers_and_make_none(tmp_path: Path) -> None:
    for number in range(60):
        write_tone(tmp_path / f"{number}.wav", seconds=0.5, hertz=100 + 10 * number)
    rows: list[Row | BadRow] = [Row(n, f"{n}.wav", "" if n < 35 else "good morning") for n in range(60)]

    checked = check_all(rows, tmp_path, without_speech={f"{n}.wav" for n in range(35)})

    assert checked.rejects == []
    assert sum(not clip.text for clip in checked.clips) == 35


def test_names_that_the_system_or_the_decoder_refuses(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(b"1234" * 1000)
    (tmp_path / "folder.wav").mkdir()

    assert rejected("a.raw", tmp_path) == "unreadable audio"
    assert rejected("folder.wav", tmp_path) == "file can't be opened"
    assert rejected("a long sentence in the place of a name " * 10, tmp_path) == "file can't be opened"


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


def test_the_same_part_under_a_speaker_and_nobody_is_refused_by_its_name_in_the_table(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    rows: list[Row | BadRow] = [Row(line, "a.wav", "one", who, start=0.0, end=1.0) for line, who in ((2, None), (3, "ann"))]

    (left_out,) = check_all(rows, tmp_path).rejects

    assert (left_out.line, left_out.path) == (3, "a.wav (0 to 1 s)")
    assert left_out.detail == "same audio as line 2, there spoken by nobody"
    assert (left_out.file, left_out.start, left_out.end) == (f"{tmp_path}/a.wav", 0.0, 1.0)


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


@pytest.mark.parametrize(("start", "end", "part"), [(1.25, None, "1.25 to the end"), (None, 2.0, "0 to 2 s")])
def test_a_part_with_one_end_is_named_as_one(tmp_path: Path, start: float | None, end: float | None, part: str) -> None:
    result = check_one(Row(2, "call.wav", "", start=start, end=end), tmp_path)

    assert isinstance(result, Reject)
    assert result.path == f"call.wav ({part})"


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
