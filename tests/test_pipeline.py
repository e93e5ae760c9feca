"""The whole pipeline under DVC: what a change re-runs, and nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from tests.project import STAGES, environment, make_project, tree
from tests.sounds import tone, write_tone

pytestmark = pytest.mark.slow


def call(project: Path, *command: str) -> str:
    result = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def dvc(project: Path, *command: str) -> str:
    return call(project, sys.executable, "-m", "dvc", *command)


def repro(project: Path, *arguments: str) -> list[str]:
    """Run `dvc repro`; the stages that ran, in the pipeline's order."""
    ran = set(re.findall(r"Running stage '(\w+)'", dvc(project, "repro", *arguments)))
    return [stage for stage in STAGES if stage in ran]


def git(project: Path, *command: str) -> None:
    call(project, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", *command)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} in {path}"
    path.write_text(text.replace(old, new))


def metrics(project: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((project / "metrics" / f"{name}.json").read_text())
    return values


def shared(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A project that is made once, by the first of pytest's processes that wants it; the others wait, and none changes it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder / "project")
            (folder / "made").touch()
    return folder / "project"


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """`finished` with a branch `other`, checked out, whose learning rate is another; `ran` says which stages that ran."""
    return shared(tmp_path_factory, "retrained", partial(make_retrained, finished))


def make_finished(folder: Path) -> None:
    project = make_ready(folder)
    assert repro(project) == list(STAGES)
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "first run")


def make_ready(folder: Path) -> Path:
    """A project that has never run."""
    project = make_project(folder, folder / "data" / "sample")
    edit(project / "params.yaml", f"csv: {project}/", "csv: ")
    edit(project / "params.yaml", f"audio_root: {project}/", "audio_root: ")
    git(project, "init", "--quiet", "--initial-branch=main")
    dvc(project, "init", "--quiet")
    dvc(project, "config", "core.autostage", "true")
    dvc(project, "config", "cache.type", "hardlink,copy")
    return project


def make_retrained(finished: Path, folder: Path) -> None:
    project = copied(finished, folder)
    git(project, "checkout", "--quiet", "-b", "other")
    edit(project / "params.yaml", "learning_rate: auto", "learning_rate: 0.05")
    folder.with_name("ran").write_text(" ".join(repro(project)))
    git(project, "commit", "--quiet", "--all", "-m", "another rate")


def copied(project: Path, folder: Path) -> Path:
    return Path(shutil.copytree(project, folder, symlinks=True))


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return copied(finished, tmp_path / "project")


def test_every_row_is_accounted_for(finished: Path) -> None:
    data = metrics(finished, "data")

    assert data["rows"] == 61
    assert data["rejected"] == {"file not found": 1}
    assert data["rows"] == sum(data["rejected"].values()) + sum(data["dropped"].values()) + sum(data["clips"].values())
    assert metrics(finished, "baseline")["clips"] == metrics(finished, "evaluate")["clips"] == data["clips"]["test"]


def test_what_is_plotted_is_there(finished: Path) -> None:
    plotted = yaml.safe_load((finished / "dvc.yaml").read_text())["plots"]
    for plot in plotted:
        (name, drawn), *_ = plot.items()
        files = drawn["y"] if isinstance(drawn["y"], dict) else {name: drawn["y"]}
        for file, columns in files.items():
            header = (finished / file).read_text().splitlines()[0].split(",")
            assert {drawn["x"], *([columns] if isinstance(columns, str) else columns)} <= set(header)


def test_the_page_finds_how_fast_both_models_and_training_were(finished: Path) -> None:
    scripts = re.findall(r'<script src="([^"]*)"', (finished / "metrics/report.html").read_text())

    assert len(scripts) in (2, 3)  # training's, and one where both have heard the same
    assert all((finished / "metrics" / script).is_file() for script in scripts)


def test_a_second_run_skips_everything(project: Path) -> None:
    assert repro(project) == []


def test_the_model_that_comes_out_is_one_that_transformers_loads(finished: Path) -> None:
    from transformers import pipeline

    transcribe = pipeline("automatic-speech-recognition", str(finished / "models" / "whisper"), device="cpu")

    assert "text" in transcribe({"raw": tone(2.0)[:, 0], "sampling_rate": 16_000}, generate_kwargs={"max_new_tokens": 4})


def test_the_model_says_how_long_the_clips_were_that_it_was_tuned_on(finished: Path) -> None:
    said = json.loads((finished / "models/whisper/generation_config.json").read_text())

    longest = 3.2
    assert 0 < said["longest_clip_seconds"] <= longest + 0.05


def test_the_export_has_the_recordings_of_the_test_split_as_they_are(finished: Path) -> None:
    clips = [json.loads(line) for line in (finished / "data/splits/audio/test.jsonl").read_text().splitlines()]

    assert tree(finished / "data/recordings") == {f"{clip['id']}.wav": (finished / clip["path"]).read_bytes() for clip in clips}


def test_a_stage_that_is_run_by_hand_leaves_the_cache_whole(project: Path) -> None:
    before = (project / "data/splits/summary.json").read_bytes()
    edit(project / "params.yaml", "seed: 42\n  stratify", "seed: 7\n  stratify")
    call(project, sys.executable, "-m", "stages.split")
    assert (project / "data/splits/summary.json").read_bytes() != before

    edit(project / "params.yaml", "seed: 7\n  stratify", "seed: 42\n  stratify")
    repro(project, "split")

    assert (project / "data/splits/summary.json").read_bytes() == before


def test_a_training_parameter(retrained: Path) -> None:
    assert retrained.with_name("ran").read_text().split() == ["train", "evaluate", "export", "usage", "report"]


def test_a_transcript(project: Path) -> None:
    listed = tree(project / "data/sets")
    edit(project / "data/sample/clips.csv", "this is sentence 7,", "this was sentence 7,")

    ran = repro(project, "features_eval", "features_train")

    assert {"validate", "split", "sets"} <= set(ran)
    assert tree(project / "data/sets") == listed
    assert not {"features_eval", "features_train"} & set(ran)
    assert "train" in repro(project, "--dry")


def test_a_column_that_only_the_report_reads(project: Path) -> None:
    listed = [tree(project / "data/sets"), tree(project / "data/splits/text")]
    table = project / "data/sample/clips.csv"
    header, *rows = table.read_text().splitlines()
    accents = [f"{row},{['north', 'south'][number % 2]}" for number, row in enumerate(rows)]
    table.write_text("\n".join([f"{header},accent", *accents]) + "\n")

    assert repro(project) == ["validate", "split", "sets", "mix", "describe", "report"]
    assert [tree(project / "data/sets"), tree(project / "data/splits/text")] == listed
    assert set(metrics(project, "evaluate")["slices"]["accent"]) == {"north", "south"}
    assert "By accent" in (project / "metrics/report.html").read_text()


def test_the_base_model(project: Path) -> None:
    edit(project / "params.yaml", "name: models/pico", "name: models/other")

    ran = repro(project, "--dry")

    assert not {"validate", "split", "features_eval", "features_train"} & set(ran)
    assert {"train", "baseline"} <= set(ran)


def test_evaluation_code(project: Path) -> None:
    edit(project / "asr/scoring/align.py", '"""Alignment: ', '"""Alignment, edited: ')

    ran = repro(project, "--dry")

    assert {"baseline", "evaluate"} <= set(ran)
    assert not {"train", "export"} & set(ran)


def test_the_limit_of_the_export_runs_the_report_alone(project: Path) -> None:
    edit(project / "params.yaml", "max_wer_increase: 0.5", "max_wer_increase: 0.4")

    assert repro(project, "--dry") == ["report"]


def test_a_docstring_of_the_features_code_computes_no_features_and_trains_nothing(project: Path) -> None:
    before, found = shards(project), tree(project / "metrics")
    edit(project / "asr/features/logmel.py", '"""The log-mel spectrogram', '"""A log-mel spectrogram')

    assert repro(project) == ["features_eval", "features_train", "usage"]  # which finds pauses as they do
    assert shards(project) == before
    assert tree(project / "metrics") == found


def test_an_edit_that_changes_nothing_that_is_learned_trains_nothing(project: Path) -> None:
    before, found = md5_of_output(project, "models/whisper"), tree(project / "metrics")
    weights = tree(project / "models/whisper")
    edit(project / "asr/machine/device.py", "\ndef pick_device", "\n# A comment.\ndef pick_device")
    edit(project / "asr/training/plan.py", '"""The plan of train', '"""Edited: The plan of train')
    edit(
        project / "asr/training/recipe.py",
        "gain_min_db is above gain_max_db; exchange them",
        "exchange gain_min_db and gain_max_db",
    )

    ran = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=project, env=environment(), capture_output=True, text=True, check=True
    )

    assert "Running stage 'train'" in ran.stdout
    assert (
        len(re.findall(r"^train: this run was done before: its model is taken from \.cache/training/", ran.stderr, re.M)) == 1
    )
    assert "train: epoch" not in ran.stderr
    assert md5_of_output(project, "models/whisper") == before
    assert tree(project / "models/whisper") == weights
    assert tree(project / "metrics") == found


def md5_of_output(project: Path, path: str) -> str:
    """As dvc.lock has it."""
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    return next(str(out["md5"]) for stage in stages.values() for out in stage["outs"] if out["path"] == path)


def test_a_parameter_that_is_set_back_is_restored_from_the_run_cache(retrained: Path, tmp_path: Path) -> None:
    project = copied(retrained, tmp_path / "project")
    edit(project / "params.yaml", "learning_rate: 0.05", "learning_rate: auto")

    assert "train" not in repro(project)


def test_two_branches_are_compared(retrained: Path, tmp_path: Path) -> None:
    project = copied(retrained, tmp_path / "project")

    difference = json.loads(dvc(project, "metrics", "diff", "main", "other", "--all", "--json"))

    rate = difference["metrics/evaluate.json"]["error_rate"]
    assert {"old", "new"} <= set(rate)
    assert difference["metrics/train.json"]["learning_rate"]["new"] == 0.05
    told = call(project, sys.executable, "-m", "commands.compare", "main", "other").splitlines()
    assert told[0].split("  ")[-1] == "worse"
    assert [name for name in ("test", "general") if any(line.startswith(f"{name}: ") for line in told)] == ["test", "general"]
    in_markdown = call(project, sys.executable, "-m", "commands.compare", "main", "--md")
    assert in_markdown.startswith("|")
    assert "WER workspace" in in_markdown
    shutil.rmtree(project / ".dvc/cache")
    for revision, reason in (("nowhere", "no such branch, tag, commit or experiment"), ("main", "`make repro`")):
        stopped = subprocess.run(
            [sys.executable, "-m", "commands.compare", revision],
            cwd=project, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert stopped.returncode == 1
        assert stopped.stderr.startswith(f"compare: {revision}: ")
        assert reason in stopped.stderr
        assert "Traceback" not in stopped.stderr


def test_a_set_that_gets_worse_stops_the_report_once_it_is_written(project: Path) -> None:
    edit(project / "params.yaml", "max_regression: null", "max_regression: 2.5")
    predictions = project / "metrics/baseline/predictions.jsonl"
    rows = [json.loads(line) for line in predictions.read_text().splitlines()]
    for row in rows:
        if row["dataset"] == "general":
            row.update(hypothesis=row["reference"], errors=0)
    predictions.unlink()
    predictions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (project / "metrics/report.html").unlink()

    stopped = subprocess.run(
        [sys.executable, "-m", "stages.report"], cwd=project, env=environment(), capture_output=True, text=True, check=False
    )

    assert stopped.returncode == 1
    assert stopped.stderr.startswith(
        "report: worse by more than evaluate.max_regression, 2.5 points:\n  general: WER 0.00 % -> 100.00 %, +100.00 points"
    )
    assert (project / "metrics/report.html").exists()


def test_without_other_sets(project: Path) -> None:
    edit(project / "params.yaml", "  sets:\n    general: data/general/clips.csv\n", "  sets: {}\n")

    ran = repro(project)

    assert {"sets", "features_eval", "report"} <= set(ran)
    assert "train" not in ran
    assert metrics(project, "evaluate")["sets"] == {}


def test_a_clip_longer_than_the_window_stops_training_and_names_the_parameter(project: Path) -> None:
    write_tone(project / "data/sample/audios/7.wav", seconds=4.5)
    edit(project / "params.yaml", "max_seconds: 4.0", "max_seconds: 8.0")

    result = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "train"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode != 0
    assert "longer than the model's window of 4 s (the first: data/sample/audios/7.wav, 4.5 s)" in result.stderr
    assert "set filter.max_seconds to 4" in result.stderr
    assert "Traceback" not in result.stderr
    assert "at stage validate, and has not ended" in metrics(project, "evaluate")["outdated"]
    assert not (project / "metrics/report.html").exists()


def shards(project: Path) -> set[str]:
    return {path.name for path in (project / ".cache/features/shards").iterdir()}


def test_a_clip_that_is_added_is_the_only_one_computed(project: Path) -> None:
    before = shards(project)
    write_tone(project / "data/sample/audios/new.wav", seconds=2.5, hertz=777)
    with (project / "data/sample/clips.csv").open("a") as file:
        file.write("audios/new.wav,one more sentence,speaker 3\n")
    listed = tree(project / "data/features")

    ran = repro(project, "features_eval", "features_train")

    assert {"validate", "split"} <= set(ran)
    # The last shard of its split is written anew, with the new clip behind those that it had.
    assert len(shards(project) - before) == 1
    assert len(tree(project / "data/features").keys() - listed.keys()) == 1


def flip_a_byte(path: Path) -> None:
    """As a failing disk does: the file's times stay, and so DVC takes it for what it was."""
    times = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(times.st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    path.chmod(times.st_mode)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_damaged_shard_is_named_and_the_printed_command_repairs_it(project: Path) -> None:
    dvc(project, "checkout", "--relink", "--quiet", "data/features/train")
    before = tree(project / "data/features")
    damaged = sorted((project / "data/features/train").glob("*.arrow"))[0]
    cached = project / ".cache/features/shards" / damaged.name
    cached.unlink()
    cached.hardlink_to(damaged)
    assert damaged.stat().st_nlink == 3, "the output, DVC's cache and ours are one file, unless the project was copied"
    flip_a_byte(damaged)
    edit(project / "params.yaml", "learning_rate: auto", "learning_rate: 0.0005")

    stopped = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "train"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode != 0
    assert (
        f"{damaged.relative_to(project)}: damaged, its bytes are not those that were written; run `make repair`"
        in stopped.stderr
    )

    told = call(project, sys.executable, "-m", "commands.cache", "repair")

    assert f".cache/features/shards/{damaged.name}: damaged, removed" in told
    assert told.endswith("repaired\n")
    assert tree(project / "data/features") == before


def test_repair_finds_nothing_where_nothing_is_damaged(project: Path) -> None:
    assert (
        call(project, sys.executable, "-m", "commands.cache", "repair")
        == "what DVC keeps and the outputs here are as they were written\n"
    )


def prune(project: Path, *arguments: str) -> str:
    return call(project, sys.executable, "-m", "commands.cache", "prune", *arguments)


def test_an_augmentation_parameter_and_prune_which_goes_with_gc_and_loses_nothing_that_is_needed(project: Path) -> None:
    before = shards(project)
    git(project, "checkout", "--quiet", "-b", "noisy")
    edit(project / "params.yaml", "noise_probability: 0.2", "noise_probability: 0.9")
    assert repro(project, "train") == ["features_train", "train"]
    noisy = shards(project) - before
    git(project, "commit", "--quiet", "--all", "-m", "more noise")
    git(project, "checkout", "--quiet", "main")
    dvc(project, "checkout", "--quiet")

    assert "removed 0 shards" in prune(project), "all were used within 30 days"
    assert "removed 0 shards" in prune(project, "--days", "0"), "DVC's cache has links to noisy's, main's are in the workspace"

    dvc(project, "gc", "--workspace", "--force")
    assert f"would remove {len(noisy)} shards" in prune(project, "--days", "0", "--dry-run")
    assert noisy < shards(project)
    assert f"removed {len(noisy)} shards" in prune(project, "--days", "0")
    assert shards(project) == before
    assert f"{len(before)} shards" in call(project, sys.executable, "-m", "commands.cache")
    assert repro(project) == []

    git(project, "checkout", "--quiet", "noisy")
    assert "features_train" in repro(project, "features_train")
    assert shards(project) == before | noisy
