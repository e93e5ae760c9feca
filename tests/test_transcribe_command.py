"""The command that transcribes: what it writes, what it says, and how it ends."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from asr.base.errors import DataError
from asr.export.sound import decode
from asr.recognition.long import Listener, Listening
from asr.recognition.subtitles import Segment
from commands import transcribe
from tests.project import ROOT, tree

SPEECH = ROOT / "data" / "sample" / "audios" / "1.mp3"
Run = Callable[..., int]


def say(listener: Listener, recording: Path) -> Listening:
    """What stands in for a model: it hears where sound is, and says how it was asked to listen."""
    samples = decode(recording).waveform
    said = [Segment(0.5, 1.25, f"{listener.chunk_seconds:g} {listener.language}"), Segment(1.25, 2.0, "and more")]
    return Listening(len(samples) / 16_000, "en", iter(said if samples.any() else []))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, returning its exit code, in a folder of four recordings, one of them damaged and one silent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls" / "more").mkdir(parents=True)
    shutil.copy(SPEECH, tmp_path / "calls" / "a.mp3")
    (tmp_path / "calls" / "b.wav").write_text("no sound")
    soundfile.write(tmp_path / "calls" / "more" / "c.flac", np.zeros(16_000, np.float32), 16_000)
    shutil.copy(SPEECH, tmp_path / "calls" / "more" / "d.mp3")
    recognizer = SimpleNamespace(model=SimpleNamespace(supported_languages=["en", "nl"]), longest_clip=7.5)
    monkeypatch.setattr("asr.recognition.loading.open_model", lambda folder: recognizer)
    monkeypatch.setattr(Listener, "hear", say)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["transcribe", *arguments])
        try:
            transcribe.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return run


def test_one_file_goes_to_stdout(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(tmp_path)

    assert run("calls/a.mp3") == 0

    assert capsys.readouterr() == ("8 None\nand more\n", "")
    assert tree(tmp_path) == before


def test_chunks_language_and_format_are_as_asked(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calls/a.mp3", "--chunk-seconds", "12.5", "--language", "nl", "--format", "json", "--model", "m") == 0

    said = json.loads(capsys.readouterr().out)
    assert said["segments"][0] == {"start": 0.5, "end": 1.25, "text": "12.5 nl"}
    assert (said["path"], said["model"], said["language"]) == ("calls/a.mp3", "m", "en")


def test_a_damaged_file_is_named_and_the_others_are_transcribed(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("calls", "gone.mp3", "--out", "out", "--format", "srt") == 1

    assert tree(tmp_path / "out") == {
        "a.srt": b"1\n00:00:00,500 --> 00:00:01,250\n8 None\n\n2\n00:00:01,250 --> 00:00:02,000\nand more\n",
        "more/c.srt": b"",
        "more/d.srt": b"1\n00:00:00,500 --> 00:00:01,250\n8 None\n\n2\n00:00:01,250 --> 00:00:02,000\nand more\n",
    }
    assert capsys.readouterr() == (
        "",
        "transcribe: 5 files, 0.1 min\n"
        "transcribe: calls/b.wav: damaged, cut short or not audio (Invalid data found when processing input)\n"
        "transcribe: calls/more/c.flac: no speech in it\n"
        "transcribe: gone.mp3: No such file or directory\n"
        "transcribe: 2 of 5 files failed, or lack something; the reasons are above\n",
    )


def test_nothing_is_written_over_unless_it_is_asked_for(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calls/more") == 0
    (tmp_path / "calls" / "more" / "d.txt").write_text("corrected by hand")
    before = tree(tmp_path)

    assert run("calls/more") == 1
    assert (
        "2 of 2 transcripts are there already (calls/more/c.txt); --continue leaves these out, --overwrite"
        in capsys.readouterr().err
    )
    assert tree(tmp_path) == before

    assert run("calls/more", "--overwrite") == 0
    assert (tmp_path / "calls" / "more" / "d.txt").read_text() == "8 None\nand more\n"


def test_an_interrupted_run_leaves_whole_transcripts_only(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(listener: Listener, recording: Path) -> Listening:
        def segments() -> Iterator[Segment]:
            yield Segment(0.0, 1.0, "half")
            if recording.name == "d.mp3":
                raise KeyboardInterrupt

        return Listening(2.0, "en", segments())

    monkeypatch.setattr(Listener, "hear", interrupted)

    assert run("calls/more", "--out", "out") == 130
    assert capsys.readouterr().err.endswith("transcribe: interrupted\n")
    assert tree(tmp_path / "out") == {"c.txt": b"half\n"}


def test_a_run_that_was_stopped_goes_on_with_what_has_no_transcript(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "c.txt").write_text("corrected by hand")

    assert run("calls/more", "--out", "out", "--continue") == 0

    assert tree(tmp_path / "out") == {"c.txt": b"corrected by hand", "d.txt": b"8 None\nand more\n"}
    assert capsys.readouterr().err == "transcribe: 1 of 2 are there already\ntranscribe: 1 files, 0.1 min\n"


def test_with_nothing_left_to_do_no_model_is_loaded(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("calls/more") == 0
    monkeypatch.delattr("asr.recognition.loading.open_model")
    capsys.readouterr()

    assert run("calls/more", "--continue") == 0
    assert capsys.readouterr() == ("", "transcribe: 2 of 2 are there already\n")


def test_what_goes_to_stdout_can_not_be_continued(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calls/a.mp3", "--continue") == 1
    assert capsys.readouterr() == (
        "",
        "transcribe: --continue goes by the transcripts in files, and one recording goes to stdout; name a folder by --out\n",
    )


def test_a_transcript_that_can_not_be_written_stops_it(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("no folder")

    assert run("calls/a.mp3", "--out", "out") == 1
    assert capsys.readouterr().err.endswith("transcribe: out/a.txt: Not a directory\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["calls", "--chunk-seconds", "31"],
        ["calls", "--chunk-seconds", "nan"],
        ["calls", "--format", "doc"],
        ["calls", "--continue", "--overwrite"],
    ],
)
def test_wrong_arguments_end_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments) == 2


def test_a_language_that_the_model_lacks_is_an_error(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calls/a.mp3", "--language", "xx") == 1
    assert capsys.readouterr().err == "transcribe: --language xx: models/export knows en, nl\n"


def test_without_a_model_it_says_how_to_get_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(folder: Path) -> None:
        raise DataError(f"{folder}: no model there")

    monkeypatch.setattr("asr.recognition.loading.open_model", missing)

    assert run("calls/a.mp3") == 1
    assert capsys.readouterr().err == "transcribe: models/export: no model there\n"
