"""Inspecting: what was seen once is not decoded again, whatever its file is called now; what has changed is."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from asr.audio import inspection
from asr.audio.findings import Finding
from asr.audio.inspection import Sound
from asr.base.entries import WHOLE, View
from asr.base.errors import DataError
from asr.base.hashes import content_hash
from asr.machine.engine import Engine
from asr.recordings import inspecting
from asr.recordings.inspecting import Inspected, Part, inspect_parts
from asr.recordings.locating import Located, Locator
from tests.project import ROOT
from tests.sounds import write_tone

HERE = Engine(workers=0)
LONG_AGO = 1_000_000_000


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts of each file that is decoded are looked at."""
    counted: list[int] = []

    def counting(content: bytes, views: Sequence[View]) -> list[Sound]:
        counted.append(len(views))
        return inspection.inspect(content, views)

    monkeypatch.setattr(inspecting, "inspect", counting)
    return counted


def part(root: Path, name: str, view: View = WHOLE) -> Part:
    file = Locator(str(root), "").find(name)
    assert isinstance(file, Located)
    return Part(2, name, file, view)


def old_tone(path: Path, seconds: float = 2.0) -> Path:
    write_tone(path, seconds)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def look(root: Path, *names: str) -> list[Inspected | Finding]:
    return inspect_parts([part(root, name) for name in names], root / "kept.sqlite", HERE)


def test_a_second_look_decodes_nothing_and_finds_the_same(tmp_path: Path, decoded: list[int]) -> None:
    for number in range(3):
        old_tone(tmp_path / f"{number}.wav", 1 + number)

    first, second = look(tmp_path, "0.wav", "1.wav", "2.wav"), look(tmp_path, "2.wav", "1.wav", "0.wav")

    assert decoded == [1, 1, 1]
    assert second == first[::-1]
    assert [each.sound.seconds for each in first if isinstance(each, Inspected)] == [1.0, 2.0, 3.0]


def test_only_what_is_new_is_decoded(tmp_path: Path, decoded: list[int]) -> None:
    old_tone(tmp_path / "0.wav")
    look(tmp_path, "0.wav")
    old_tone(tmp_path / "1.wav", 3.0)

    look(tmp_path, "0.wav", "1.wav")

    assert decoded == [1, 1]


def test_a_known_file_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_tone(tmp_path / "0.wav")
    monkeypatch.setattr(inspecting, "SECONDS_TO_SETTLE", -1.0)
    look(tmp_path, "0.wav")
    monkeypatch.setattr(inspecting, "_content", lambda path: pytest.fail("read"))

    look(tmp_path, "0.wav")


def test_a_file_that_was_renamed_or_touched_is_read_and_not_decoded(tmp_path: Path, decoded: list[int]) -> None:
    file = old_tone(tmp_path / "0.wav")
    look(tmp_path, "0.wav")
    file.rename(tmp_path / "1.wav")
    os.utime(tmp_path / "1.wav", (LONG_AGO + 5, LONG_AGO + 5))

    look(tmp_path, "1.wav")

    assert decoded == [1]


def test_a_file_with_other_content_is_decoded(tmp_path: Path, decoded: list[int]) -> None:
    old_tone(tmp_path / "0.wav", 1.0)
    look(tmp_path, "0.wav")
    write_tone(tmp_path / "0.wav", 1.0, hertz=500)

    (found,) = look(tmp_path, "0.wav")

    assert decoded == [1, 1]
    assert isinstance(found, Inspected)


def test_a_file_that_was_written_just_now_is_not_trusted_by_its_time(tmp_path: Path, decoded: list[int]) -> None:
    file = write_tone(tmp_path / "0.wav", 1.0)
    now = file.stat().st_mtime_ns
    (before,) = look(tmp_path, "0.wav")
    write_tone(file, 1.0, hertz=500)
    os.utime(file, ns=(now, now))

    (after,) = look(tmp_path, "0.wav")

    assert isinstance(before, Inspected)
    assert isinstance(after, Inspected)
    assert after.audio_hash != before.audio_hash


@pytest.mark.parametrize("copied", [shutil.copy2, os.replace])
def test_a_file_in_whose_place_another_of_equal_size_and_time_has_come_is_decoded(
    tmp_path: Path, decoded: list[int], copied: Callable[[Path, Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspecting, "SECONDS_TO_SETTLE", -1.0)
    file = old_tone(tmp_path / "0.wav")
    (before,) = look(tmp_path, "0.wav")
    other = write_tone(tmp_path / "other.wav", hertz=500)
    os.utime(other, (LONG_AGO, LONG_AGO))
    assert other.stat().st_size == file.stat().st_size
    copied(other, file)

    (after,) = look(tmp_path, "0.wav")

    assert decoded == [1, 1]
    assert isinstance(before, Inspected)
    assert isinstance(after, Inspected)
    assert after.audio_hash == content_hash(file.read_bytes()) != before.audio_hash


def test_a_file_that_was_linked_is_read_and_not_decoded(tmp_path: Path, decoded: list[int]) -> None:
    file = old_tone(tmp_path / "0.wav")
    look(tmp_path, "0.wav")
    (tmp_path / "in DVC's cache").hardlink_to(file)

    look(tmp_path, "0.wav")

    assert decoded == [1]


def test_a_file_that_was_changed_since_it_was_found_is_not_trusted_by_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspecting, "SECONDS_TO_SETTLE", -1.0)
    file = old_tone(tmp_path / "0.wav")
    parts = [part(tmp_path, "0.wav")]
    write_tone(file, hertz=500)
    os.utime(file, (LONG_AGO + 5, LONG_AGO + 5))
    inspect_parts(parts, tmp_path / "kept.sqlite", HERE)
    old_tone(file)

    (found,) = look(tmp_path, "0.wav")

    assert isinstance(found, Inspected)
    assert found.audio_hash == content_hash(file.read_bytes())


def test_the_parts_of_a_file_are_looked_at_together(tmp_path: Path, decoded: list[int]) -> None:
    old_tone(tmp_path / "long.wav", 20.0)
    old_tone(tmp_path / "other.wav")
    parts = [
        part(tmp_path, "long.wav", View(start, start + seconds)) for start, seconds in ((10.0, 5.0), (0.0, 4.0), (5.0, 3.0))
    ]

    found = inspect_parts([parts[0], part(tmp_path, "other.wav"), *parts[1:]], tmp_path / "kept.sqlite", HERE)

    assert decoded == [3, 1]
    assert [each.sound.seconds for each in found if isinstance(each, Inspected)] == [5.0, 2.0, 4.0, 3.0]


def test_other_code_looks_again(tmp_path: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    old_tone(tmp_path / "0.wav")
    look(tmp_path, "0.wav")
    monkeypatch.setattr(inspecting, "PACKAGES", ("numpy",))

    look(tmp_path, "0.wav")

    assert decoded == [1, 1]


def test_what_is_kept_depends_on_all_code_that_looks_at_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions: list[tuple[list[Path], Sequence[str]]] = []

    def version(files: list[Path], packages: Sequence[str]) -> str:
        versions.append((files, packages))
        return "1"

    monkeypatch.setattr(inspecting, "code_version", version)
    look(tmp_path)

    ((files, packages),) = versions
    imported = {
        found for file in files for found in re.findall(r"^\s*(?:from|import) (\w+)", file.read_text(), flags=re.MULTILINE)
    }

    assert {file.relative_to(ROOT).as_posix() for file in files} >= {
        "asr/audio/bandwidth.py",
        "asr/audio/decoding.py",
        "asr/audio/inspection.py",
        "asr/audio/oddities.py",
        "asr/audio/wav.py",
    }
    assert set(packages) == imported - sys.stdlib_module_names - {"asr"}


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("empty.wav", "gone.wav", "large.wav", "pipe.wav"):
        (tmp_path / name).write_bytes(b"" if name == "empty.wav" else b"12345")
    parts = [part(tmp_path, name) for name in ("empty.wav", "gone.wav", "large.wav", "pipe.wav")]
    for name in ("gone.wav", "pipe.wav"):
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / "pipe.wav")
    monkeypatch.setattr(inspecting, "LARGEST", 4)

    found = inspect_parts(parts, tmp_path / "kept.sqlite", HERE)

    assert [each.reason for each in found if isinstance(each, Finding)] == [
        "empty file",
        "file not found",
        "file too large",
        "file can't be opened",
    ]


def test_a_file_as_large_as_the_largest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = old_tone(tmp_path / "0.wav").stat().st_size

    monkeypatch.setattr(inspecting, "LARGEST", size)
    (found,) = look(tmp_path, "0.wav")

    assert isinstance(found, Inspected)


def test_a_damaged_file_of_inspections_is_named(tmp_path: Path) -> None:
    old_tone(tmp_path / "0.wav")
    (tmp_path / "kept.sqlite").write_bytes(b"this is not SQLite" * 100)

    with pytest.raises(DataError, match=r"kept.sqlite: file is not a database; remove it"):
        look(tmp_path, "0.wav")
