"""Models on the hub: fetched once, at one commit, without executing anything; and what is said when they can't be had."""

import json
import os
import pickle
import pty
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from asr.base.errors import DataError
from asr.model.description import describe
from asr.model.hub import checkpoint_folder, commit_of
from asr.model.parameters import Model
from asr.model.whisper import load
from stages.common.commit import base_commit, keep_commit
from tests.hub import Hub, Repository
from tests.project import environment, make_project, read_yaml, tree
from tests.sounds import write_tiny_whisper

NAME = "openai/whisper-tiny"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub, which is this process's, with nothing fetched from it yet."""
    with Hub() as hub:
        hub.answer_here(monkeypatch, tmp_path / "cache")
        yield hub


def test_a_model_is_fetched_once_and_is_there_offline(
    hub: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.push(NAME, folder)

    assert commit_of(NAME, None) == commit
    assert describe(NAME, commit) == describe(str(folder))
    load(NAME, None, "transcribe", commit).save(tmp_path / "fetched")
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        assert hub.asked(file) == ["HEAD", "GET"]

    hub.requests.clear()
    load(NAME, None, "transcribe", commit)
    describe(NAME, commit)
    assert hub.requests == []

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    load(NAME, None, "transcribe").save(tmp_path / "offline")
    load(str(folder), None, "transcribe").save(tmp_path / "folder")
    assert tree(tmp_path / "fetched") == tree(tmp_path / "offline") == tree(tmp_path / "folder")


def test_the_newest_commit_is_the_last_known_one_when_the_hub_does_not_answer(hub: Hub, folder: Path) -> None:
    commit = hub.push(NAME, folder)
    commit_of(NAME, None)
    hub.__exit__()

    assert commit_of(NAME, None) == commit
    with pytest.raises(
        DataError, match=r"openai/other: not a folder, nor to be had from the hub \(.*refused\); check the name"
    ):
        commit_of("openai/other", None)


def test_what_other_software_has_fetched_is_enough_offline(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import snapshot_download

    hub.push(NAME, folder)
    snapshot_download(NAME)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    assert load(NAME, None, "transcribe").tokenizer("hi").input_ids
    with pytest.raises(DataError, match=r"openai/other: not a folder, nor to be had from the hub"):
        load("openai/other", None, "transcribe")


def test_only_what_a_whisper_is_made_of_is_fetched(hub: Hub, folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.push(NAME, {**files, "pytorch_model.bin": b"", "flax_model.msgpack": b"", "run.py": b"", "runs/tokenizer.json": b""})

    fetched = checkpoint_folder(NAME, None)

    assert tree(fetched) == files


def test_weights_in_parts_are_fetched(hub: Hub, folder: Path, tmp_path: Path) -> None:
    load(str(folder), None, "transcribe").model.save_pretrained(tmp_path / "parts", max_shard_size="30KB")
    parts = {path.name: path.read_bytes() for path in (tmp_path / "parts").iterdir()}
    hub.push(NAME, {**{path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".json"}, **parts})

    assert sum(file.endswith(".safetensors") for file in parts) > 1
    assert_same_weights(load(NAME, None, "transcribe").model, load(str(folder), None, "transcribe").model)


def assert_same_weights(first: torch.nn.Module, second: torch.nn.Module) -> None:
    expected = second.state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in first.state_dict().items())


def test_a_download_that_breaks_off_goes_on_where_it_was(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.push(NAME, folder)
    hub.breaks["model.safetensors"] = [50_000]

    fetched = checkpoint_folder(NAME, None)

    ranges = [request.headers.get("range") for request in hub.requests if request.path.endswith("/model.safetensors")]
    assert ranges == [None, None, "bytes=50000-"]
    assert tree(fetched)["model.safetensors"] == tree(folder)["model.safetensors"]


def test_a_download_that_keeps_breaking_off_says_to_run_it_again_and_keeps_what_is_whole(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    commit = hub.push(NAME, folder)
    hub.breaks["model.safetensors"] = [0] * 6

    with pytest.raises(DataError, match=r"fetching model.safetensors has broken off \(.+\); run it again: what is whole stays"):
        load(NAME, None, "transcribe", commit)
    hub.requests.clear()
    load(NAME, None, "transcribe", commit)

    assert {request.path.rpartition("/")[2] for request in hub.requests} == {"model.safetensors"}


LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
UNKNOWN = f"not a folder, and the hub has no such model, or only for some: check the name, and for a private one {LOG_IN}"


@pytest.mark.parametrize(
    ("repository", "token", "said"),
    [
        (None, "", UNKNOWN),
        (None, "hf_valid", UNKNOWN),
        (Repository(private=True), "", UNKNOWN),
        (Repository(), "hf_expired", f"the hub refuses the token (401): {LOG_IN} again, with one that may read {NAME}"),
        (Repository(gated=True), "", f"/{NAME}, then {LOG_IN}"),
        (Repository(gated=True), "hf_valid", "it is for those who have been let in: ask for it on http://127.0.0.1:"),
    ],
)
def test_what_the_hub_refuses_names_the_remedy_in_a_line_and_no_token(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, repository: Repository | None, token: str, said: str
) -> None:
    if repository is not None:
        hub.repositories[NAME] = repository
        hub.push(NAME, folder)
    monkeypatch.setenv("HF_TOKEN", token)

    with pytest.raises(DataError) as refused:
        load(NAME, None, "transcribe")

    told = str(refused.value)
    assert told.startswith(f"model.name {NAME}: ")
    assert said in told
    assert "\n" not in told
    assert "hf_" not in told


def test_a_private_model_is_fetched_with_the_token(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories[NAME] = Repository(private=True)
    hub.push(NAME, folder)
    monkeypatch.setenv("HF_TOKEN", hub.token)

    assert tree(checkpoint_folder(NAME, None)) == tree(folder)


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub: Hub, folder: Path) -> None:
    first = hub.push(NAME, folder)
    hub.push(NAME, folder, ref="v1")
    second = hub.push(NAME, folder)

    assert first != second
    assert commit_of(NAME, None) == commit_of(NAME, "main") == second
    assert commit_of(NAME, "v1") not in (first, second)
    assert commit_of(NAME, first) == first
    page = f"{hub.address}/{NAME}/commits/main"
    for revision in ("v2", 40 * "0"):
        with pytest.raises(DataError, match=rf"model.revision {revision}: .* no such branch, tag or commit; {page} lists"):
            describe(NAME, commit_of(NAME, revision))


def test_a_folder_has_no_revision(folder: Path) -> None:
    assert commit_of(str(folder), None) is None
    with pytest.raises(DataError, match=r"model.revision is v1, but model.name .* is a folder: set model.revision to null"):
        commit_of(str(folder), "v1")


def test_the_commit_is_kept_for_a_name_and_a_revision(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = Model(name=NAME, revision=None, language=None, task="transcribe")
    in_folder = model.model_copy(update={"name": str(folder)})

    with pytest.raises(DataError, match=r"models/base.json: not there, or of another .*; run `dvc repro`"):
        base_commit(model)
    assert base_commit(in_folder) is None
    keep_commit(model, "abc")
    assert base_commit(model) == "abc"
    for other in ({"revision": "v1"}, {"name": "openai/whisper-small"}):
        with pytest.raises(DataError, match=r"of another model.name or model.revision"):
            base_commit(model.model_copy(update=other))
    assert base_commit(in_folder) is None


def test_code_that_comes_with_a_model_does_not_run(folder: Path, tmp_path: Path) -> None:
    target = Path(shutil.copytree(folder, tmp_path / "model"))
    (target / "own.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\nclass Own: pass\n")
    named = {
        "AutoConfig": "own.Own",
        "AutoProcessor": "own.Own",
        "AutoFeatureExtractor": "own.Own",
        "AutoTokenizer": ["own.Own", None],
    }
    for file in ("config.json", "tokenizer_config.json", "preprocessor_config.json"):
        (target / file).write_text(json.dumps({**json.loads((target / file).read_text()), "auto_map": named}))

    load(str(target), None, "transcribe")

    assert not (tmp_path / "ran").exists()


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def with_pickled_weights(folder: Path, target: Path, weights: object) -> Path:
    """A copy of a checkpoint whose weights are pickled."""
    target.mkdir()
    for path in folder.glob("*.json"):
        (target / path.name).write_bytes(path.read_bytes())
    torch.save(weights, target / "pytorch_model.bin")
    return target


def test_pickled_weights_are_loaded_as_numbers(hub: Hub, folder: Path, tmp_path: Path) -> None:
    model = load(str(folder), None, "transcribe").model
    pickled = with_pickled_weights(folder, tmp_path / "pickled", model.state_dict())
    hub.push(NAME, pickled)

    for name in (str(pickled), NAME):
        assert_same_weights(load(name, None, "transcribe").model, model)


@pytest.mark.parametrize("is_zipped", [True, False])
def test_weights_that_would_run_something_are_refused_and_it_does_not_run(
    hub: Hub, folder: Path, tmp_path: Path, is_zipped: bool
) -> None:
    weights = {"proj_out.weight": Trap(tmp_path / "sprung")}
    pickled = with_pickled_weights(folder, tmp_path / "pickled", weights)
    if not is_zipped:
        (pickled / "pytorch_model.bin").write_bytes(pickle.dumps(weights, protocol=2))
    hub.push(NAME, pickled)

    for name in (str(pickled), NAME):
        with pytest.raises(
            DataError, match=r"its pickled weights hold more than numbers, .*: take a checkpoint with model.safe"
        ):
            load(name, None, "transcribe")
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(weights, protocol=2))
    assert (tmp_path / "sprung").exists(), "the trap works"


def use_the_hubs_model(project: Path) -> None:
    params = read_yaml(project / "params.yaml")
    params["model"]["name"] = NAME
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def test_the_check_says_the_commit_and_a_download_shows_on_a_terminal(folder: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    use_the_hubs_model(project)
    command = [sys.executable, "-m", "commands.check"]
    terminal, its_end = pty.openpty()
    termios.tcsetwinsize(its_end, (24, 120))
    with Hub() as hub:
        commit = hub.push(NAME, folder)
        around = environment(**hub.environment(tmp_path / "cache", hub.token))
        around.pop("HF_HUB_DISABLE_PROGRESS_BARS", None)  # set by the stages where stderr, as in the tests, is no terminal
        subprocess.run(command, cwd=project, env=around, stderr=its_end, check=True)
        os.close(its_end)
        drawn = os.read(terminal, 100_000).decode()
        hub.requests.clear()
        told = subprocess.run(command, cwd=project, env=around, capture_output=True, text=True, check=True).stderr

        assert [request.path for request in hub.requests if NAME in request.path] == [f"/api/models/{NAME}"]
    assert "config.json: 100%" in drawn
    assert f"check: {NAME} is commit {commit}" in drawn
    assert told.splitlines()[0] == f"check: {NAME} is commit {commit}"
    assert hub.token not in drawn + told


@pytest.mark.slow
def test_base_and_tuned_are_of_one_commit_though_the_branch_moves_on(finished: Path, folder: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))
    use_the_hubs_model(project)
    with Hub() as hub:
        around = environment(**hub.environment(tmp_path / "cache", hub.token))

        def repro() -> str:
            command = [sys.executable, "-m", "dvc", "repro", "train", "baseline"]
            ended = subprocess.run(command, cwd=project, env=around, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, ended.stderr
            return ended.stdout + ended.stderr

        def commits() -> list[str]:
            files = ("train/summary.json", "baseline/scores.json")
            return [json.loads((project / "metrics" / file).read_text())["base_commit"] for file in files]

        first = hub.push(NAME, folder)
        told = repro()
        assert commits() == [first] * 2
        assert f"base: {NAME} is commit {first}" in told
        assert hub.token not in told

        hub.push(NAME, folder)
        hub.requests.clear()
        params = read_yaml(project / "params.yaml")
        params["decode"]["no_repeat_tokens"] = 3
        (project / "params.yaml").write_text(yaml.safe_dump(params))
        told = repro()
        assert "Running stage 'baseline'" in told
        assert "Running stage 'train'" not in told
        assert commits() == [first] * 2
        assert [request.path for request in hub.requests if NAME in request.path] == []
