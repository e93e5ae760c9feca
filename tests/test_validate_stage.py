"""The validate stage: tables in other formats, decisions, and where audio may be."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from asr.base.entries import Clip, read_csv, read_rows
from asr.base.errors import DataError
from bench.small_sets import CLIPS, SECONDS, small_sets
from stages.common.params import read_params
from stages.validate import Params, require_seen
from tests.project import ROOT, read_yaml, run_stage


def project_of(tmp_path: Path, format: str) -> Path:
    """A project whose data is a small set in a format."""
    project = tmp_path / "project"
    for name in ("asr", "stages"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "decisions.csv"):
        shutil.copy(ROOT / name, project)
    (small,) = (each for each in small_sets() if each.format == format)
    small.write(project / "recordings")
    change(project, csv=str(Path("recordings") / small.table), audio_root="recordings", min_clips=1)
    return project


def change(project: Path, **data: object) -> None:
    params = read_yaml(project / "params.yaml")
    params["data"].update(data)
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def clips(project: Path) -> list[Clip]:
    return read_rows(project / "data/validated/clips.jsonl", Clip)


def test_subtitles_become_parts_of_their_recording(tmp_path: Path) -> None:
    project = project_of(tmp_path, "subtitles")

    told = run_stage("validate", project)

    assert told.returncode == 0, told.stderr
    assert [(clip.path, clip.seconds) for clip in clips(project)] == [("recordings/clip-0.flac", SECONDS)] * CLIPS
    assert [clip.start for clip in clips(project)] == [0.0, 1.2, 2.4, 3.6]


def test_audio_inside_of_a_table_is_unpacked(tmp_path: Path) -> None:
    project = project_of(tmp_path, "parquet")

    told = run_stage("validate", project)

    assert told.returncode == 0, told.stderr
    assert sorted(clip.path for clip in clips(project)) == sorted(
        path.relative_to(project).as_posix() for path in (project / "data/validated/unpacked").iterdir()
    )
    assert len(clips(project)) == CLIPS


def test_a_clip_that_is_warned_of_is_used_once_that_is_decided(tmp_path: Path) -> None:
    project = project_of(tmp_path, "jsonl")
    manifest = project / "recordings/manifest.json"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[1]["duration"] = 9.9
    manifest.write_text("\n".join(json.dumps(row) for row in rows))
    change(project, max_reject_share=0.5)

    first = run_stage("validate", project)
    (warned,) = read_csv(project / "data/validated/rejects.csv")
    (project / "decisions.csv").write_text(f"dataset,path,reason,decision\n,{warned['path']},{warned['reason']},keep\n")
    second = run_stage("validate", project)

    assert "1 of them could be used: those for which you write keep into the column decision" in first.stderr
    assert (warned["line"], warned["severity"], warned["reason"]) == ("2", "warn", "other length than its row says")
    assert "4 of 4 rows are usable; used, but noted: 1 other length than its row says" in second.stderr
    assert len(clips(project)) == CLIPS


def test_audio_where_dvc_sees_no_change_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project_of(tmp_path, "audiofolder"))
    data = read_params(Params).data

    require_seen(Path("recordings"), data)
    require_seen(Path("recordings/train"), data)
    require_seen(Path("data/validated/unpacked"), data)
    with pytest.raises(DataError, match=r"its audio is in elsewhere; set data.audio_root to that"):
        require_seen(Path("elsewhere"), data)
