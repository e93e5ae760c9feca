"""The benchmark of the features stage, on few and short clips."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.recordings import Kind, make_recordings, read_recordings, usable_clips
from tests.project import ROOT

TINY = ("--clips", "60", "--article-clips", "8", "--sizes", "20,40", "--seconds", "1", "--rounds", "1")


def run_bench(*options: str) -> tuple[str, dict[str, Any]]:
    """What is printed, and its last line."""
    command = [sys.executable, "-m", "bench.features", *options]
    result = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout, json.loads(result.stdout.splitlines()[-1])


@pytest.mark.slow
def test_all_sides_are_measured_on_the_same_clips(tmp_path: Path) -> None:
    printed, figures = run_bench(*TINY, "--folder", str(tmp_path))

    sides = figures["sides"]
    assert set(sides) == {"article", "decode", "extract", "one_worker", "all_cores"}
    assert (sides["article"]["clips"], sides["decode"]["clips"], sides["all_cores"]["clips"]) == (8, 60, 60)
    assert sides["article"]["bytes_per_clip"] > 80 * 3000 * 4
    assert 0 < sides["all_cores"]["bytes_per_clip"] < sides["article"]["bytes_per_clip"] / 15
    assert sides["decode"]["ms_per_clip"] < sides["article"]["ms_per_clip"]
    for side in ("article", "one_worker", "all_cores"):
        assert sides[side]["peak_rss"] > 20e6
    appended = figures["appended"]
    assert (appended["clips"], appended["added"]) == (60, 1)
    assert appended["cache_bytes"] > 60 * 1000
    assert appended["new_cache_bytes"] > 0
    assert [size["clips"] for size in figures["sizes"]] == [20, 40]
    assert len(figures["targets"]) == 9
    assert all(target["name"] in printed for target in figures["targets"])
    # The clips are kept, and nothing else.
    assert [path.name for path in tmp_path.iterdir()] == ["mp3-22050-1s"]
    assert len(list((tmp_path / "mp3-22050-1s").iterdir())) == 61


@pytest.mark.parametrize("name", ["mp3", "wav", "flac", "ogg"])
def test_made_recordings_differ_and_are_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("bench.recordings._on_all_cores", lambda function, jobs, what: map(function, jobs))  # begins at once
    kind = Kind(2.0, name, 22_050)
    first = usable_clips(make_recordings(tmp_path, kind, 3))
    times = [Path(clip.recording.path).stat().st_mtime_ns for clip in first]

    again = usable_clips(make_recordings(tmp_path, kind, 5))

    assert again[:3] == first
    assert [Path(clip.recording.path).stat().st_mtime_ns for clip in again[:3]] == times
    assert len({clip.entry.id for clip in again}) == 5
    assert all(1.0 <= clip.entry.seconds <= 3.1 for clip in again)


def test_rows_of_a_csv_that_no_side_could_use_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_recordings(tmp_path, Kind(2.0, "wav", 16_000), 2)
    names = [str(Path(recording.path).relative_to(tmp_path)) for recording in made]
    (tmp_path / "noise.mp3").write_bytes(b"not audio")
    rows = [(names[0], "hi how are you"), ("absent.mp3", "nobody knows"), ("noise.mp3", "nobody knows")]
    rows += [(names[1], "short"), (names[0], "the same sound")]
    with (tmp_path / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("audios", "transcription"), *rows])

    clips = usable_clips(read_recordings(tmp_path / "clips.csv", tmp_path))

    assert [clip.recording.path for clip in clips] == [made[0].path]
    assert "4 recordings left out" in capsys.readouterr().err
