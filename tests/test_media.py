"""Media: what is found in folders, and where its transcripts go."""

from pathlib import Path

import pytest

from asr.base.errors import DataError
from asr.recognition.media import Recording, find_recordings, plan_outputs, without_done


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of calls, one in a subfolder, among other things."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.mp3", "a.WAV", "2025/a.mp4", "notes.txt", ".hidden.mp3", ".trash/c.mp3"):
        (tmp_path / "calls" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "calls" / name).touch()
    (tmp_path / "empty").mkdir()


def found(*paths: str) -> list[str]:
    return [recording.path.as_posix() for recording in find_recordings([Path(path) for path in paths])]


def outputs(*paths: str, folder: str | None = None, overwrite: bool = False) -> list[str]:
    recordings = find_recordings([Path(path) for path in paths])
    return [path.as_posix() for path in plan_outputs(recordings, "srt", Path(folder) if folder else None, overwrite)]


def test_a_folder_has_its_audio_and_video_files_at_any_depth_sorted() -> None:
    assert found("calls") == ["calls/2025/a.mp4", "calls/a.WAV", "calls/b.mp3"]


def test_a_file_is_taken_by_any_name_and_once() -> None:
    assert found("calls/notes.txt", "calls/b.mp3", "calls", "calls/../calls/b.mp3") == [
        "calls/notes.txt", "calls/b.mp3", "calls/2025/a.mp4", "calls/a.WAV",
    ]  # fmt: skip


def test_links_to_one_file_are_two_recordings(tmp_path: Path) -> None:
    for name in ("one.wav", "two.wav"):
        (tmp_path / "empty" / name).symlink_to(tmp_path / "calls" / "b.mp3")

    assert found("empty") == ["empty/one.wav", "empty/two.wav"]


def test_a_folder_without_recordings_is_an_error_that_says_the_endings() -> None:
    with pytest.raises(DataError, match=r"^empty: no audio or video files in it, by their endings \(\.3gp .* \.mp3 "):
        find_recordings([Path("empty")])


def test_transcripts_lie_beside_recordings_or_keep_their_subfolders() -> None:
    assert outputs("calls") == ["calls/2025/a.srt", "calls/a.srt", "calls/b.srt"]
    assert outputs("calls", "calls/notes.txt", folder="out") == ["out/2025/a.srt", "out/a.srt", "out/b.srt", "out/notes.srt"]


def test_two_recordings_of_one_transcript_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "calls" / "b.wav").touch()

    with pytest.raises(DataError, match=r"^calls/b.mp3 and calls/b.wav would both be written to calls/b.srt; rename one"):
        outputs("calls")
    with pytest.raises(DataError, match=r"^calls/a.WAV and calls/2025/a.mp4 would both be written to out/a.srt"):
        outputs("calls/a.WAV", "calls/2025/a.mp4", folder="out")


def test_what_is_there_is_written_over_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "calls" / "a.srt").write_text("corrected by hand")

    with pytest.raises(DataError, match=r"^1 of 3 transcripts are there already \(calls/a.srt\); --continue .*, --overwrite"):
        outputs("calls")
    assert outputs("calls", overwrite=True) == ["calls/2025/a.srt", "calls/a.srt", "calls/b.srt"]


def test_what_has_its_transcript_is_left_out(tmp_path: Path) -> None:
    recordings = find_recordings([Path("calls")])
    wanted = plan_outputs(recordings, "srt", None, overwrite=True)
    (tmp_path / "calls" / "a.srt").touch()
    (tmp_path / "calls" / "b.srt").mkdir()

    left, outputs = without_done(recordings, wanted)

    assert [recording.path.as_posix() for recording in left] == ["calls/2025/a.mp4", "calls/b.mp3"]
    assert [output.as_posix() for output in outputs] == ["calls/2025/a.srt", "calls/b.srt"]


def test_no_recording_is_written_over() -> None:
    recordings = [Recording(Path("calls/talk.srt"), Path("talk.srt"))]

    with pytest.raises(DataError, match=r"^calls/talk.srt is to be transcribed, and would be written over"):
        plan_outputs(recordings, "srt", None, overwrite=True)
