"""Locating: a name is found as it is written, or as another system would have written it, or it is said why not."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from asr.audio.findings import Finding
from asr.recordings.locating import Located, Locator, State


def found(root: Path, written: str) -> str:
    """The path of what was found, from the root; or the reason and the detail of what stands in the way."""
    result = Locator(str(root), "data.audio_root").find(written)
    if isinstance(result, Located):
        return Path(result.path).relative_to(root).as_posix()
    assert result.severity == "refuse"
    assert result.remedy
    return f"{result.reason}: {result.detail}"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"1234")
    return path


def test_a_file_is_found_with_its_state(tmp_path: Path) -> None:
    path = touch(tmp_path / "audios" / "1.wav")
    is_there = path.stat()

    state = State(size=4, modified=is_there.st_mtime_ns, inode=is_there.st_ino, changed=is_there.st_ctime_ns)
    assert Locator(str(tmp_path), "").find("audios/1.wav") == Located(path.as_posix(), state)


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ("audios/1.wav", "audios\\1.wav"),
        ("audios/1.wav", "./audios//1.wav"),
        ("wavs/LJ001-0001.wav", "LJ001-0001"),
        ("clips/common_voice_nl_1.mp3", "common_voice_nl_1.mp3"),
        ("audio/1.opus", "1"),
        ("dr. who.flac", "dr. who"),
        ("..1.wav", "..1.wav"),
        (" two\nlines .wav", " two\nlines .wav"),
        (unicodedata.normalize("NFD", "gespräche/größe.wav"), unicodedata.normalize("NFC", "gespräche/größe.wav")),
        (unicodedata.normalize("NFC", "größe.wav"), unicodedata.normalize("NFD", "größe.wav")),
        (unicodedata.normalize("NFD", "clips/größe.wav"), unicodedata.normalize("NFC", "größe.wav")),
    ],
)
def test_other_systems_names_are_found(tmp_path: Path, there: str, written: str) -> None:
    touch(tmp_path / there)

    assert found(tmp_path, written) == there


def test_an_exact_name_goes_before_all_others(tmp_path: Path) -> None:
    for name in ("1", "1.wav", "wavs/1.wav", "wavs/1"):
        touch(tmp_path / name)

    assert found(tmp_path, "1") == "1"


def test_the_first_of_the_usual_folders_and_endings_is_taken(tmp_path: Path) -> None:
    for name in ("audio/1.wav", "clips/1.wav", "wavs/1.m4a", "wavs/1.flac", "wavs/1.wav"):
        touch(tmp_path / name)

    assert found(tmp_path, "1") == "wavs/1.wav"


def test_a_known_ending_gets_no_second_one(tmp_path: Path) -> None:
    touch(tmp_path / "1.wav.mp3")
    touch(tmp_path / "2.WAV.mp3")

    assert "file not found" in found(tmp_path, "1.wav")
    assert "file not found" in found(tmp_path, "2.WAV")


def test_a_folder_of_that_name_does_not_end_the_search(tmp_path: Path) -> None:
    (tmp_path / "wavs" / "1").mkdir(parents=True)
    touch(tmp_path / "clips" / "1.wav")

    assert found(tmp_path, "1") == "clips/1.wav"


def test_a_link_to_a_file_elsewhere_is_a_file(tmp_path: Path) -> None:
    cached = touch(tmp_path / "cache" / "ab")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "1.wav").symlink_to(cached)

    assert found(tmp_path / "root", "1.wav") == "1.wav"


def test_an_absolute_path_inside_is_found(tmp_path: Path) -> None:
    touch(tmp_path / "1.wav")

    assert found(tmp_path, str(tmp_path / "1.wav")) == "1.wav"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "no path: the cell is blank"),
        ("../secret.wav", "path outside audio_root: ../secret.wav is not inside"),
        ("audios/../../secret.wav", "path outside audio_root"),
        ("/etc/passwd", "path outside audio_root: /etc/passwd is not inside"),
        ("C:\\calls\\1.wav", "path outside audio_root: C:\\calls\\1.wav is not inside"),
        ("c:/calls/1.wav", "path outside audio_root"),
        (".", "path outside audio_root"),
        ("..", "path outside audio_root"),
        ("s3://bucket/1.wav", "address of another machine: s3://bucket/1.wav is no file here"),
        ("https://example.org/1.wav", "address of another machine"),
        ("S3://bucket/1.wav", "address of another machine"),
        ("gone.wav", "file not found"),
        ("1.WAV", "does not exist; there is 1.wav, in other capitals"),
        ("1.wav/2.wav", "file not found"),
        ("folder", "file can't be opened: a folder, device or pipe, not a file"),
        ("zero\0byte.wav", "file can't be opened: "),
        ("half\ud800.wav", "file can't be opened: "),
        ("long " * 100, "file can't be opened: File name too long"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, written: str, told: str) -> None:
    touch(tmp_path / "1.wav")
    (tmp_path / "folder").mkdir()

    assert told in found(tmp_path, written)


def test_a_pipe_and_a_device_are_no_files_and_nobody_waits_for_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "device.wav").symlink_to("/dev/zero")

    assert "not a file" in found(tmp_path, "pipe.wav")
    assert "not a file" in found(tmp_path, "device.wav")


def test_two_names_that_look_the_same_are_not_guessed_between(tmp_path: Path) -> None:
    touch(tmp_path / "A.wav")
    touch(tmp_path / "a.wav")

    assert found(tmp_path, "a.WAV").endswith("a.WAV does not exist")


def test_other_capitals_are_told_and_not_used(tmp_path: Path) -> None:
    touch(tmp_path / "gespräche" / "straße.wav")

    told = found(tmp_path, "Gespräche\\STRASSE.wav")

    assert told.endswith("does not exist; there is gespräche/straße.wav, in other capitals")


def test_characters_that_only_mean_the_same_are_not_the_same(tmp_path: Path) -> None:
    touch(tmp_path / "file.wav")
    touch(tmp_path / "1.wav")

    assert found(tmp_path, "\ufb01le.wav").startswith("file not found")  # the ligature fi
    assert found(tmp_path, "\u00b9.wav").endswith("does not exist")  # a superscript 1


def test_a_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    true_iterdir = Path.iterdir

    def counted(path: Path) -> Iterator[Path]:
        listed.append(path)
        return true_iterdir(path)

    monkeypatch.setattr(Path, "iterdir", counted)
    locator = Locator(str(tmp_path), "data.audio_root")

    missing = [locator.find(f"gone {number}.wav") for number in range(5)]

    assert all(isinstance(each, Finding) for each in missing)
    assert len(listed) == 1
