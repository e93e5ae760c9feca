"""A run's fingerprint: whatever determines the run changes it, and nothing else."""

import shutil
from pathlib import Path

import pytest

import asr.training.batch
import asr.training.plan
from asr.base.hashes import bare_code, content_hash, fingerprint
from stages.train import Params, run_facts
from tests.project import make_project, read_yaml


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fingerprint")
    project = make_project(folder / "project", folder / "audio")
    for split in ("train", "validation"):
        for name in (f"data/features/{split}/manifest.json", f"data/splits/text/{split}.jsonl"):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(name)
    (project / "data/splits/pace.json").write_text("{}")
    for name in ("features/non_speech/manifest.json", "features/mix/manifest.json", "mix/text.jsonl", "mix/heard.jsonl"):
        (project / "data" / name).parent.mkdir(exist_ok=True)
        (project / "data" / name).write_text(name)
    return project


def fingerprint_in(project: Path, monkeypatch: pytest.MonkeyPatch, **train: object) -> str:
    monkeypatch.chdir(project)
    values = read_yaml(project / "params.yaml")
    values["train"].update(train)
    return fingerprint(run_facts(Params.model_validate({key: values[key] for key in Params.model_fields})), [])


def test_a_files_hash_is_what_the_ids_of_clips_begin_with() -> None:
    assert content_hash(b"RIFF") == "f9d45a7be062711cbb5ca8c8e2699db2"


def test_a_parameter_makes_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)

    assert fingerprint_in(project, monkeypatch) == first
    assert fingerprint_in(project, monkeypatch, seed=43) != first
    assert fingerprint_in(project, monkeypatch, epochs=2) != first


@pytest.mark.parametrize(
    "name",
    [
        "data/features/validation/manifest.json",
        "data/features/non_speech/manifest.json",
        "data/features/mix/manifest.json",
        "data/mix/text.jsonl",
        "data/mix/heard.jsonl",
        "data/splits/text/train.jsonl",
        "data/splits/pace.json",
        "models/pico/model.safetensors",
    ],
)
def test_data_and_base_model_make_another_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = shutil.copytree(project, tmp_path / "other")
    same = fingerprint_in(other, monkeypatch)
    (other / name).write_bytes((other / name).read_bytes() + b" ")

    assert same == fingerprint_in(project, monkeypatch)
    assert fingerprint_in(other, monkeypatch) != same


def test_the_code_makes_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)
    monkeypatch.setattr("asr.training.batch.__file__", asr.training.plan.__file__)

    assert fingerprint_in(project, monkeypatch) != first


@pytest.mark.parametrize("module", ["train", "learning"])
def test_what_learns_in_the_stage_itself_makes_another_run(project: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    first = fingerprint_in(project, monkeypatch)
    monkeypatch.setattr(f"stages.{module}.__file__", asr.training.plan.__file__)

    assert fingerprint_in(project, monkeypatch) != first


def test_other_packages_make_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)
    monkeypatch.setattr("stages.train.LEARNING", ("torch",))

    assert fingerprint_in(project, monkeypatch) != first


CODE = '''"""A module."""

FRAMES = 2
"""Each position."""


def double(number: int) -> int:
    """Twice as many."""
    return FRAMES * number
'''


@pytest.mark.parametrize(
    ("before", "after", "is_alike"),
    [
        ('"""A module."""', '"""The module."""', True),
        ('"""Twice as many."""', '"""Twice."""\n    # It is.', True),
        ('"""Each position."""\n', "", True),
        ("FRAMES = 2", "FRAMES = (  2  )", True),
        ("FRAMES = 2", "FRAMES = 3", False),
        ("return FRAMES * number", "return number", False),
        ("number: int", "number: float", False),
    ],
)
def test_docstrings_comments_and_layout_are_no_code(before: str, after: str, is_alike: bool) -> None:
    assert before in CODE
    assert (bare_code(CODE.replace(before, after)) == bare_code(CODE)) is is_alike
