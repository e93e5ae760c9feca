"""Inspecting in jobs: any number of workers finds the same, and what a run that was stopped has found out is kept."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from asr.audio import inspection
from asr.audio.inspection import Sound
from asr.base.entries import View
from asr.base.errors import DataError
from asr.machine.engine import Engine
from asr.recordings import inspecting
from asr.recordings.inspecting import Inspected, inspect_parts
from tests.test_inspecting import HERE, look, old_tone, part


def test_of_how_many_clips_files_are_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspecting, "SECONDS_TO_SETTLE", -1.0)
    parts = [part(tmp_path, old_tone(tmp_path / f"{number}.wav").name) for number in range(2)]
    inspect_parts(parts[:1], tmp_path / "kept.sqlite", HERE)
    capsys.readouterr()

    inspect_parts([*parts, part(tmp_path, "1.wav", View(0.0, 1.0))], tmp_path / "kept.sqlite", HERE)

    assert capsys.readouterr().err.endswith("audio: 3 clips, 2 of them read now\n")


def test_what_was_found_out_before_a_run_was_stopped_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [old_tone(tmp_path / f"{number}.wav", 1 + number).name for number in range(4)]
    lengths = []

    def stopping(content: bytes, views: Sequence[View]) -> list[Sound]:
        (sound,) = inspection.inspect(content, views)
        lengths.append(sound.seconds)
        if len(lengths) == 3:
            raise KeyboardInterrupt
        return [sound]

    monkeypatch.setattr(inspecting, "inspect", stopping)
    monkeypatch.setattr(inspecting, "SECONDS_BETWEEN_KEEPING", -1.0)
    monkeypatch.setattr(inspecting, "PARTS_PER_JOB", 1)

    with pytest.raises(KeyboardInterrupt):
        look(tmp_path, *names)
    look(tmp_path, *names)

    assert lengths == [1.0, 2.0, 3.0, 3.0, 4.0]


def test_a_job_is_of_so_many_parts_however_few_files_have_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        old_tone(tmp_path / f"{number}.wav")
    parts = [part(tmp_path, f"{name}.wav", View(float(start))) for name, start in ((0, 0), (0, 1), (1, 0), (2, 0), (2, 1))]
    read, files = inspecting._read_files, []

    def counting(job: inspecting.Job, kept_in: Path, version: str) -> object:
        files.append(len(job))
        return read(job, kept_in, version)

    monkeypatch.setattr(inspecting, "_read_files", counting)
    monkeypatch.setattr(inspecting, "PARTS_PER_JOB", 2)

    inspect_parts(parts, tmp_path / "kept.sqlite", HERE)

    assert files == [1, 2]


class Killing(float):
    """Whichever process is sent this ends at once."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


def test_the_row_whose_part_kills_the_decoder_is_named(tmp_path: Path) -> None:
    old_tone(tmp_path / "long.wav")
    parts = [
        replace(part(tmp_path, "long.wav", View(start, 2.0)), line=line, name=f"part {line}")
        for line, start in ((2, 0.0), (3, Killing(1.0)), (4, 1.5))
    ]

    with pytest.raises(DataError, match=r"^line 3: part 3: the process that worked on it was killed"):
        inspect_parts(parts, tmp_path / "kept.sqlite", Engine(workers=1))


def test_any_number_of_workers_finds_the_same(tmp_path: Path) -> None:
    parts = [part(tmp_path, old_tone(tmp_path / f"{number}.wav", 1 + number / 100).name) for number in range(70)]

    found = [inspect_parts(parts, tmp_path / f"{workers}.sqlite", Engine(workers=workers)) for workers in (0, 2)]

    assert found[0] == found[1]
    assert len({each.audio_hash for each in found[0] if isinstance(each, Inspected)}) == 70
