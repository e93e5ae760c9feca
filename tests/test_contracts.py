"""dvc.yaml is the contract: what it declares is what the code imports, reads and writes."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml

from commands.check import Params
from stages.common.outdated import outdate
from tests.closure import import_closure
from tests.project import ROOT, STAGES, make_project, read_yaml, run_stage, tree

PIPELINE = read_yaml(ROOT / "dvc.yaml")["stages"]
DETERMINISTIC = STAGES[:9]
MAY_BE_EMPTY = ("data/validated/unpacked", "data/sets/unpacked", "data/mix/unpacked", "models/export")
"""Folders of what there may be none of: audio inside of a table, an export."""


def deps(stage: str) -> list[str]:
    return list(PIPELINE[stage]["deps"])


def outs(stage: str) -> list[str]:
    declared = [*PIPELINE[stage].get("outs", []), *PIPELINE[stage].get("metrics", [])]
    return [name if isinstance(name, str) else next(iter(name)) for name in declared]


def params(stage: str) -> list[str]:
    return list(PIPELINE[stage].get("params", []))


def section(name: str) -> str:
    """Of evaluate.sets: evaluate."""
    return name.partition(".")[0]


def test_the_stages_are_those_of_the_pipeline() -> None:
    assert tuple(PIPELINE) == STAGES
    for stage, declared in PIPELINE.items():
        assert declared["cmd"] == f"exec python -m stages.{stage}"  # a shell between would outlive DVC, and the stage with it
        assert declared["desc"]


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_imports_lies_in_the_packages_it_declares_and_none_of_them_goes_unused(stage: str) -> None:
    declared = {dep for dep in deps(stage) if dep.startswith(("asr/", "stages/"))}
    imported = import_closure(ROOT / "stages" / f"{stage}.py", ROOT)
    used = {dep: {name for name in imported if name == dep or name.startswith(f"{dep}/")} for dep in declared}

    assert all(used.values()), "declared, but nothing in it is imported"
    assert imported == set().union(*used.values()), "imported, but in no declared package"


@pytest.mark.parametrize("stage", STAGES)
def test_declared_params_are_the_ones_the_stage_types(stage: str) -> None:
    module = importlib.import_module(f"stages.{stage}")
    typed = list(module.Params.model_fields) if hasattr(module, "Params") else []

    assert sorted({section(name) for name in params(stage)}) == sorted(typed)


def test_another_key_of_training_neither_checks_what_is_mixed_in_anew_nor_hears_it() -> None:
    for stage in ("mix", "listen"):
        assert [name for name in params(stage) if section(name) == "train"] == (["train.mix"] if stage == "mix" else [])
        assert "asr/training" not in deps(stage)


def test_every_section_of_params_yaml_is_declared_and_typed() -> None:
    declared = {section(name) for stage in STAGES for name in params(stage)}

    assert declared == set(read_yaml(ROOT / "params.yaml")) == set(Params.model_fields)


def test_only_the_reports_metrics_are_kept_out_of_the_cache() -> None:
    uncached = {
        (stage, next(iter(out)))
        for stage in STAGES
        for out in [*PIPELINE[stage].get("outs", []), *PIPELINE[stage].get("metrics", [])]
        if isinstance(out, dict)
    }

    assert uncached == {
        ("report", f"metrics/{name}.json") for name in ("data", "train", "baseline", "evaluate", "export", "usage")
    }


def test_all_that_report_writes_is_outdated_by_the_stages_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for out in outs("report"):
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text("11.8")

    outdate("train")

    assert [name for name, content in tree(tmp_path).items() if b"11.8" in content] == []
    assert set(tree(tmp_path)) == {out for out in outs("report") if out.endswith(".json")}


def test_no_stage_reads_a_part_of_what_another_writes() -> None:
    written = [PurePath(out) for stage in STAGES for out in outs(stage)]

    assert len(written) > 20
    assert [dep for stage in STAGES for dep in deps(stage) for out in written if out in PurePath(dep).parents] == []


def test_nothing_is_chosen_on_the_test_split() -> None:
    readers = {stage for stage in STAGES for dep in deps(stage) if Path(dep).stem == "test"}

    assert readers == {"describe", "features_eval", "baseline", "evaluate", "mix"}  # mix leaves copies of it out


def test_what_describe_tells_of_the_test_split_is_told_to_people_only() -> None:
    readers = {stage for stage in STAGES for dep in deps(stage) if dep in outs("describe")}

    assert outs("describe") == ["metrics/data.html"]
    assert readers == set()


def test_nothing_is_learned_from_the_other_test_sets_and_chosen_by_what_is_not_tested_of_them() -> None:
    read = {(stage, dep) for stage in STAGES for dep in deps(stage) if dep.startswith(("data/sets", "data/features/sets"))}
    apart = {(stage, dep) for stage, dep in read if "validation" in dep}

    assert {stage for stage, _ in read - apart} == {"describe", "features_eval", "baseline", "evaluate", "report", "mix"}
    assert ("mix", "data/sets/clips.jsonl") in read  # so that copies of them are left out
    assert apart == {
        ("features_eval", "data/sets/validation_audio.jsonl"),
        ("train", "data/features/sets_validation"),
        ("train", "data/sets/validation_text.jsonl"),
    }


@pytest.mark.slow
def test_each_stage_runs_with_nothing_but_what_it_declares_and_any_number_of_workers_writes_the_same(tmp_path: Path) -> None:
    world = make_project(tmp_path / "world", tmp_path / "audio")
    one_worker = Path(shutil.copytree(world, tmp_path / "one worker"))
    for stage in STAGES:
        alone = tmp_path / stage
        given = isolate(stage, world, alone)

        result = run_stage(stage, alone, HF_HOME=str(tmp_path / "hf"), ASR_WORKERS="3", PYTHONDONTWRITEBYTECODE="1")

        assert result.returncode == 0, f"{stage}: {result.stderr}"
        assert "Traceback" not in result.stderr
        written = set(tree(alone)) - given
        for out in outs(stage):
            wrote = any(name == out or name.startswith(f"{out}/") for name in written)
            assert wrote or out in MAY_BE_EMPTY, f"{stage} did not write {out}"
        # .cache is this machine's: neither DVC nor git looks into it.
        places = [*outs(stage), ".cache"]
        stray = {name for name in written if not any(name == place or name.startswith(f"{place}/") for place in places)}
        assert not stray, f"{stage} wrote what it does not declare"
        for out in outs(stage):
            copy(alone / out, world / out)
    for stage in DETERMINISTIC:
        result = run_stage(stage, one_worker, ASR_WORKERS="1")
        assert result.returncode == 0, result.stderr
    assert tree(one_worker / "data") == tree(world / "data")
    assert (one_worker / "metrics/data.html").read_bytes() == (world / "metrics/data.html").read_bytes()


def isolate(stage: str, world: Path, alone: Path) -> set[str]:
    """Put the declared deps and the declared params into an empty folder; the audio stays where it is."""
    values: dict[str, Any] = read_yaml(world / "params.yaml")
    for dep in {*deps(stage), "data/general"}:  # whose audio is read by path, as that of the splits is
        if not dep.startswith("${data."):
            copy(world / dep, alone / dep)
    declared: dict[str, Any] = {}
    for name in params(stage):
        first, _, key = name.partition(".")
        declared[first] = {**declared.get(first, {}), key: values[first][key]} if key else values[first]
    (alone / "params.yaml").write_text(yaml.safe_dump(declared))
    return set(tree(alone))


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def test_a_stage_shows_help_and_says_what_is_wrong_without_a_traceback(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    (tmp_path / "audio" / "clips.csv").unlink()

    told = run_stage("validate", project)

    assert told.returncode == 1
    assert told.stderr.startswith("validate: ")
    assert "no such file; put it there, or correct the name in params.yaml" in told.stderr
    assert "Traceback" not in told.stderr
    assert "usage: python -m stages.validate" in run_stage_help(project)


def run_stage_help(project: Path) -> str:
    command = [sys.executable, "-m", "stages.validate", "--help"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
