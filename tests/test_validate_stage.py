"""The validate stage: tables in other formats, decisions, and where audio may be."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.files import read_csv, read_rows
from asr.recordings.clips import Checked
from asr.recordings.rejects import Reject
from bench.small_sets import CLIPS, SECONDS, small_sets
from stages.common.params import read_params
from stages.validate import Params, noted, require_seen, summary
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


def test_the_terminal_gets_no_control_characters_out_of_names(tmp_path: Path) -> None:
    project = project_of(tmp_path, "jsonl")
    manifest = project / "recordings/\x1b[31mred.json"
    rows = [json.loads(line) for line in (project / "recordings/manifest.json").read_text().splitlines()]
    rows[1]["audio_filepath"] = "\x9b31mgone.wav"
    manifest.write_text("\n".join(json.dumps(row) for row in rows))
    change(project, max_reject_share=0.5, csv="recordings/\x1b[31mred.json")

    told = run_stage("validate", project)

    assert told.returncode == 0, told.stderr
    assert r"recordings/\x1b[31mred.json:2: \x9b31mgone.wav: file not found" in told.stderr
    assert not {"\x1b", "\x9b"} & set(told.stdout + told.stderr)
    (rejected,) = read_csv(project / "data/validated/rejects.csv")
    assert rejected["path"] == "\x9b31mgone.wav"


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
    assert "validate: recordings/manifest.json: JSON lines, UTF-8\n" in first.stderr
    assert (warned["line"], warned["severity"], warned["reason"]) == ("2", "warn", "other length than its row says")
    assert "4 of 4 rows are usable; used, but noted: 1 other length than its row says" in second.stderr
    assert len(clips(project)) == CLIPS


def test_what_is_left_out_is_written_down_before_the_stage_stops_for_it(tmp_path: Path) -> None:
    project = project_of(tmp_path, "jsonl")
    manifest = (project / "recordings/manifest.json").read_text().splitlines()
    (project / "recordings" / json.loads(manifest[2])["audio_filepath"]).unlink()
    change(project, max_reject_share=0.2, channel=0)

    told = run_stage("validate", project)

    assert told.returncode == 1
    assert "1 of 4 rows are left out, more than data.max_reject_share 0.2 (1 file not found)" in told.stderr
    assert [(row["line"], row["reason"]) for row in read_csv(project / "data/validated/rejects.csv")] == [
        ("3", "file not found")
    ]
    assert [(clip.line, clip.channel) for clip in clips(project)] == [(1, 0), (2, 0), (4, 0)]
    counts = json.loads((project / "data/validated/summary.json").read_text())
    assert (counts["rows"], counts["clips"], counts["rejected"]) == (4, 3, {"file not found": 1})


def test_what_is_counted() -> None:
    clip = Clip("ab", 2, "a.wav", "ab", 900.0, 16_000, 1, "good morning", "ann", {}, notes=["very quiet", "clipping"])
    same, other = replace(clip, id="ab-2", notes=["very quiet"]), replace(clip, id="cd", speaker=None, notes=[])
    checked = Checked([clip, same, other], [Reject(5, "b.wav", "refuse", "silence", "", "")])

    assert summary(checked) == {
        "rows": 4,
        "clips": 3,
        "without_speech": 0,
        "rejected": {"silence": 1},
        "noted": {"clipping": 1, "very quiet": 2},
        "speakers": 1,
        "repeated_audio": 1,
        "hours": 0.75,
    }
    assert noted(checked) == "; used, but noted: 1 clipping, 2 very quiet"
    assert noted(Checked([other], [])) == ""
    assert noted(Checked([replace(clip, text=""), other], [])) == (
        ", 1 of them without speech; used, but noted: 1 clipping, 1 very quiet"
    )
    assert noted(Checked([replace(other, text="")], [])) == ", 1 of them without speech"


def test_the_stage_looks_where_a_table_says_its_audio_is(tmp_path: Path) -> None:
    project = project_of(tmp_path, "audiofolder")
    change(project, csv="recordings/metadata.jsonl", audio_root="elsewhere")

    told = run_stage("validate", project)

    assert told.returncode == 1
    assert "recordings/metadata.jsonl: its audio is in recordings; set data.audio_root to that" in told.stderr


def test_audio_where_dvc_sees_no_change_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project_of(tmp_path, "audiofolder"))
    data = read_params(Params).data

    require_seen(Path("recordings"), data)
    require_seen(Path("recordings/train"), data)
    require_seen(Path("data/validated/unpacked"), data)
    Path("link").symlink_to("recordings")
    require_seen(Path("link/train"), data)
    with pytest.raises(DataError, match=r"its audio is in elsewhere; set data.audio_root to that"):
        require_seen(Path("elsewhere"), data)
