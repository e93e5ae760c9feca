"""A run's fingerprint: whatever determines the run changes it, and nothing else."""

import shutil
from pathlib import Path

import pytest

from stages.train import Params, run_fingerprint
from tests.project import make_project, read_yaml


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fingerprint")
    project = make_project(folder / "project", folder / "audio")
    for split in ("train", "validation"):
        for name in (f"data/features/{split}/manifest.json", f"data/splits/text/{split}.jsonl"):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(name)
    return project


def fingerprint_in(project: Path, monkeypatch: pytest.MonkeyPatch, **train: object) -> str:
    monkeypatch.chdir(project)
    values = read_yaml(project / "params.yaml")
    values["train"].update(train)
    return run_fingerprint(Params.model_validate({key: values[key] for key in Params.model_fields}))


def test_a_parameter_makes_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)

    assert fingerprint_in(project, monkeypatch) == first
    assert fingerprint_in(project, monkeypatch, seed=43) != first
    assert fingerprint_in(project, monkeypatch, epochs=2) != first


@pytest.mark.parametrize(
    "name", ["data/features/validation/manifest.json", "data/splits/text/train.jsonl", "models/pico/model.safetensors"]
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
    monkeypatch.setattr("stages.train.PACKAGES", ("torch",))

    assert fingerprint_in(project, monkeypatch) != first
