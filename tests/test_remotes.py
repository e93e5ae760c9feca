"""Remotes of DVC, a folder, S3 and SSH: what is pushed comes back, little of it, and nothing that is damaged is trained on."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bench.servers import SSHD, Remote, files_of, opened
from tests.project import environment, tree
from tests.test_pipeline import copied, dvc, edit, flip_a_byte, git, repro, shared

pytestmark = pytest.mark.slow

RECORDINGS = "data/sample"
TEXTS = "data/splits/text/train.jsonl"
FEATURES = "data/features/train"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """A project that has run, with its recordings under `dvc add`, and without a remote."""
    return shared(tmp_path_factory, "published", partial(make_published, finished))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory, published: Path) -> Path:
    """The same, pushed to a folder, `served` beside it, whose objects DVC verifies when it pulls."""
    return shared(tmp_path_factory, "pushed", partial(make_pushed, published))


def make_published(finished: Path, folder: Path) -> None:
    project = copied(finished, folder)
    git(project, "rm", "-r", "--quiet", "--cached", RECORDINGS)
    dvc(project, "add", "--quiet", RECORDINGS)
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "recordings")


def make_pushed(published: Path, folder: Path) -> None:
    project = copied(published, folder)
    dvc(project, "remote", "add", "--default", "folder", str(folder.with_name("served")))
    dvc(project, "remote", "modify", "folder", "verify", "true")
    git(project, "commit", "--quiet", "--all", "-m", "remote")
    dvc(project, "push", "--quiet", "--run-cache")


@pytest.fixture(params=["folder", "s3", pytest.param("ssh", marks=pytest.mark.skipif(SSHD is None, reason="there is no sshd"))])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """A remote of each kind, empty, whose keys are in the environment."""
    with opened((request.param,), tmp_path / "remotes") as [made]:
        for key, value in made.environment.items():
            monkeypatch.setenv(key, value)
        yield made


def clone(project: Path, folder: Path) -> Path:
    git(project, "clone", "--quiet", str(project), str(folder))
    return folder


def let_in(project: Path, remote: Remote) -> None:
    """As docs/remotes.md has it: keys and what is of one machine only go into .dvc/config.local."""
    for key, value in remote.settings.items():
        dvc(project, "remote", "modify", "--local", remote.name, key, value)


def held(project: Path) -> set[str]:
    """The files of DVC's cache, as a remote names them."""
    return set(files_of(project / ".dvc/cache"))


def objects_of(folder: Path) -> set[str]:
    """How DVC's cache and remotes name the files of a folder."""
    sums = [hashlib.md5(content, usedforsecurity=False).hexdigest() for content in tree(folder).values()]
    return {f"files/md5/{md5[:2]}/{md5[2:]}" for md5 in sums}


def test_what_is_pushed_comes_back(published: Path, remote: Remote, tmp_path: Path) -> None:
    developer = copied(published, tmp_path / "developer")
    dvc(developer, "remote", "add", "--default", remote.name, remote.url)
    dvc(developer, "remote", "modify", remote.name, "verify", "true")
    let_in(developer, remote)
    git(developer, "commit", "--quiet", "--all", "-m", "remote")

    dvc(developer, "push", "--quiet")
    without_runs = remote.files().keys()
    dvc(developer, "push", "--quiet", "--run-cache")

    there = remote.files().keys()
    assert without_runs < there <= held(developer)
    assert all(path.startswith("runs/") for path in there - without_runs)

    colleague = clone(developer, tmp_path / "colleague")
    let_in(colleague, remote)
    dvc(colleague, "pull", "--quiet")
    for folder in ("data", "models", "metrics/evaluate"):
        assert tree(colleague / folder) == tree(developer / folder)
    assert repro(colleague) == []


def test_a_clean_clone_that_has_to_validate_pulls_all_recordings_though_the_csv_lies_among_them(
    pushed: Path, tmp_path: Path
) -> None:
    project = clone(pushed, tmp_path / "project")
    edit(project / "params.yaml", "min_clips: 20", "min_clips: 21")

    assert repro(project, "--pull", "--allow-missing", "validate") == ["validate"]

    assert tree(project / RECORDINGS) == tree(pushed / RECORDINGS)
    assert tree(project / "data/validated") == tree(pushed / "data/validated")


def test_a_clean_clone_trains_without_any_audio(pushed: Path, tmp_path: Path) -> None:
    project = clone(pushed, tmp_path / "project")
    edit(project / "params.yaml", "learning_rate: auto", "learning_rate: 0.0005")

    assert repro(project, "--pull", "--allow-missing", "train") == ["train"]

    assert tree(project / FEATURES) == tree(pushed / FEATURES)
    assert objects_of(project / FEATURES) <= held(project)
    assert not objects_of(pushed / RECORDINGS / "audios") & held(project)
    assert not (project / RECORDINGS).exists()


def damaged(pushed: Path, path: Path, folder: Path) -> Path:
    """A clean clone in `folder` with another learning rate, whose remote holds a flipped bit in `path`, a file of `pushed`."""
    served = Path(shutil.copytree(pushed.with_name("served"), folder / "served"))
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    flip_a_byte(served / "files/md5" / md5[:2] / md5[2:])
    project = clone(pushed, folder / "project")
    (project / ".dvc/config.local").write_text(f"['remote \"folder\"']\n    url = {served}\n")
    edit(project / "params.yaml", "learning_rate: auto", "learning_rate: 0.0005")
    return project


def failed(project: Path, *arguments: str) -> str:
    """What DVC prints when it fails, as it must."""
    command = [sys.executable, "-m", "dvc", *arguments]
    result = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode != 0, result.stdout
    return result.stdout + result.stderr


def test_a_damaged_list_of_transcripts_is_not_trained_on(pushed: Path, tmp_path: Path) -> None:
    project = damaged(pushed, pushed / TEXTS, tmp_path)

    told = failed(project, "repro", "--pull", "--allow-missing", "train")

    assert f"Checkout failed for following targets:\n{TEXTS}\n" in told
    assert "Running stage 'train'" not in told


def test_damaged_features_are_not_trained_on(pushed: Path, tmp_path: Path) -> None:
    shard = sorted((pushed / FEATURES).glob("*.arrow"))[0]
    project = damaged(pushed, shard, tmp_path)

    told = failed(project, "repro", "--pull", "--allow-missing", "train")

    assert f"Checkout failed for following targets:\n{FEATURES}\n" in told
    assert "Running stage 'train'" not in told


def test_a_damaged_recording_is_not_trained_on(pushed: Path, tmp_path: Path) -> None:
    project = damaged(pushed, pushed / RECORDINGS / "audios/7.wav", tmp_path)
    edit(project / "params.yaml", "noise_probability: 0.2", "noise_probability: 0.9")

    assert f"Checkout failed for following targets:\n{RECORDINGS}\n" in failed(project, "pull", "--force")
    told = failed(project, "repro", "train")

    assert not (project / RECORDINGS / "audios/7.wav").exists()
    assert "Running stage 'train'" not in told


def test_without_verify_dvc_takes_damaged_objects_for_whole(pushed: Path, tmp_path: Path) -> None:
    project = damaged(pushed, pushed / TEXTS, tmp_path)
    dvc(project, "remote", "modify", "--local", "folder", "verify", "false")

    dvc(project, "pull", "--quiet", TEXTS)

    assert (project / TEXTS).read_bytes() != (pushed / TEXTS).read_bytes(), "docs/remotes.md asks for verify for this reason"
