"""The container: its Dockerfile is linted and read here, as no image can be built in a test."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath

from packaging.specifiers import SpecifierSet

from stages.common.machine import Machine
from tests.project import ROOT

DOCKERFILE = ROOT / "Dockerfile"
SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|KEY|AUTH", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    """The words and what follows, without comments, each on one line."""
    text = "".join(line for line in DOCKERFILE.read_text().splitlines(keepends=True) if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines) if word]


def all_of(word: str) -> list[str]:
    return [rest for each, rest in instructions() if each == word]


def settings(word: str) -> dict[str, str]:
    """What ENV or ARG set."""
    return dict(re.findall(r"(\w+)=(\S*)", " ".join(all_of(word))))


def test_hadolint_finds_nothing_and_is_told_to_ignore_nothing() -> None:
    command = [str(Path(sys.executable).parent / "hadolint"), "--no-color", str(DOCKERFILE)]

    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (told.returncode, told.stdout) == (0, "")
    assert "hadolint ignore" not in DOCKERFILE.read_text()
    assert list(ROOT.glob(".hadolint*")) == []


def test_what_runs_is_not_root() -> None:
    (user,) = all_of("USER")
    names = re.findall(r"\$(\w+)", user)
    ids = [settings("ARG")[name] for name in names]

    assert names == ["USER_ID", "GROUP_ID"]
    assert all(int(number) > 0 for number in ids)
    words = [word for word, _ in instructions()]
    assert words.index("USER") < words.index("CMD")


def test_no_secret_is_baked_in() -> None:
    named = [*settings("ENV"), *settings("ARG")]

    assert [name for name in named if SECRET.search(name)] == []
    assert all_of("ADD") == []
    assert all_of("COPY") == ["Makefile requirements*.txt ./"]
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["*", "!Makefile", "!requirements*.txt"]


def test_its_python_is_one_that_the_project_takes() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    found = re.search(r"python3-venv=([\d.]+)", DOCKERFILE.read_text())

    assert found is not None
    assert found[1] in SpecifierSet(wanted)


def test_its_cuda_is_one_that_torch_is_built_for() -> None:
    from torch.cuda import PYTORCH_RELEASES_CODE_CC

    (base,) = all_of("FROM")
    found = re.fullmatch(r"nvidia/cuda:(\d+\.\d+)\.\d+-base-ubuntu24\.04", base)

    assert found is not None
    assert found[1] in PYTORCH_RELEASES_CODE_CC
    assert f"| Linux, x86-64 | built for CUDA {found[1]}," in (ROOT / "docs" / "machines.md").read_text()


def test_every_run_line_is_one_that_a_shell_takes() -> None:
    lines = all_of("RUN")

    assert len(lines) == 3
    for line in lines:
        subprocess.run(["sh", "-n", "-c", line], check=True)


def test_all_that_is_worth_keeping_lies_in_the_volume() -> None:
    (volume,) = all_of("VOLUME")
    folders = {name: folder for name, folder in settings("ENV").items() if name.startswith("ASR_") or name == "HF_HOME"}
    dvc = re.search(r"dvc config --global cache.dir (\S+)", " ".join(all_of("RUN")))

    assert dvc is not None
    assert all(PurePosixPath(folder).is_relative_to(volume) for folder in (*folders.values(), dvc[1]))
    assert {f"ASR_{key.upper()}" for key in ("cache", "checkpoints", "tensorboard")} == set(folders) - {"HF_HOME"}
    assert {name.removeprefix("ASR_").lower() for name in folders} - {"hf_home"} <= set(Machine.model_fields)


def test_packages_go_where_the_image_says() -> None:
    venv = settings("ENV")["VENV"]

    told = subprocess.run(
        ["make", "--dry-run", "--always-make", "test", f"VENV={venv}"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert (
        f"{venv}/bin/python -m pip install --no-compile --quiet --disable-pip-version-check -r requirements-dev.txt"
        in told.stdout
    )
    assert f'PATH="{venv}/bin:' in told.stdout
    assert ".venv" not in told.stdout
