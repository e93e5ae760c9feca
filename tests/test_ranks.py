"""Ranks: one training in two processes, torch's or of a Ray cluster, the same loss as in one, and what may die there."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import torch
import yaml

from asr.base.errors import DataError
from asr.machine.shutdown import STOP
from asr.ranks.group import BUCKET_BYTES, _buckets
from asr.ranks.launch import run_ranks
from asr.ranks.rank import ERROR, LOG, Rank
from asr.ranks.torch_launcher import launched_by_torch
from stages.common.machine import Machine
from stages.train import require_ranks
from tests.project import ROOT, environment, read_yaml, run_stage
from tests.recipes import recipe
from tests.test_cluster import two_nodes
from tests.test_pipeline import copied

VALIDATED = 9


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as running:
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """A project with its features, trained in one process."""
    project = copied(finished, tmp_path_factory.mktemp("ranks") / "project")
    params = read_yaml(project / "params.yaml")
    params["train"].update(epochs=6, effective_batch=5, window="fit", time_masks=1, early_stopping_patience=6)
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    # An odd number of clips can't be shared evenly.
    texts = project / "data/splits/text/validation.jsonl"
    texts.write_text("".join(texts.read_text().splitlines(keepends=True)[:VALIDATED]))
    assert run_stage("train", project, ASR_KEEP_RUNS="0").returncode == 0
    (project / "metrics/train").rename(project / "alone")
    return project


def settings(launcher: str, project: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    cache = {"ASR_KEEP_RUNS": "0", "ASR_TRAIN_RANKS": "2", "ASR_CACHE": str(project.parent / f"{project.name}.cache")}
    if launcher == "torch":
        return cache
    return {**cache, "ASR_ENGINE": "ray", "ASR_RAY_ADDRESS": request.getfixturevalue("cluster").address}


def require_as_alone(project: Path) -> None:
    alone, shared = (pd.read_csv(project / folder / "curves.csv") for folder in ("alone", "metrics/train"))
    pd.testing.assert_frame_equal(shared, alone, rtol=2e-3)
    heard = pd.read_csv(project / "metrics/train/validation.csv")
    assert heard.groupby("epoch")["path"].agg(["size", "nunique"]).to_numpy().tolist() == [[VALIDATED, VALIDATED]] * 6


def started(variables: dict[str, str], project: Path) -> "subprocess.Popen[str]":
    """The stage, once it has saved a checkpoint that was not there before."""
    pattern = ".cache/training/*/checkpoint-*/trainer_state.json"
    before = set(project.glob(pattern))
    running = subprocess.Popen(
        [sys.executable, "-m", "stages.train"], cwd=project, env=environment(**variables), stderr=subprocess.PIPE, text=True
    )
    while set(project.glob(pattern)) <= before:
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.05)
    return running


@pytest.mark.slow
@pytest.mark.parametrize(("launcher", "name"), [("torch", "multiprocessing.spawn"), ("ray", "RayTrainWorker")])
def test_two_ranks_that_are_stopped_and_lose_one_learn_what_one_process_learns(
    launcher: str, name: str, project: Path, request: pytest.FixtureRequest
) -> None:
    shutil.rmtree(project / "metrics/train", ignore_errors=True)
    variables = settings(launcher, project, request)
    running = started(variables, project)
    running.send_signal(signal.SIGINT)
    said = running.communicate()[1]
    assert running.returncode == 128 + signal.SIGINT, said
    assert "train: stopped; the same run goes on from its checkpoint in" in said

    running = started(variables, project)
    ranks(name)[-1].kill()

    said = running.communicate()[1]
    assert running.returncode == 0, said
    assert said.count("train: epoch 1 of 6") == 0
    assert said.count("train: epoch 6 of 6") == 1
    assert json.loads((project / "metrics/train/summary.json").read_text())["ranks"] == 2
    require_as_alone(project)
    assert not list(project.glob(".cache/training/*"))


@pytest.mark.slow
def test_two_ranks_that_are_asked_to_end_in_validation_end_together(project: Path, request: pytest.FixtureRequest) -> None:
    command = [sys.executable, "-m", "stages.train"]
    variables = environment(**settings("torch", project, request))
    running = subprocess.Popen(command, cwd=project, env=variables, stderr=subprocess.PIPE, text=True)
    while not (logs := list(project.glob(f".cache/training/*/{LOG}"))):
        time.sleep(0.05)

    logs[0].with_name(STOP).touch()  # the ranks take seconds to begin, with the base model's validation

    said = running.communicate(timeout=120)[1]
    assert running.returncode == 128 + signal.SIGTERM, said
    assert "train: stopped; the same run has no checkpoint yet, and begins anew" in said
    assert "before the first step, validation" not in said
    assert not list(project.glob(".cache/training/*"))


@pytest.mark.slow
def test_torchs_ranks_end_with_the_stage_that_is_killed(project: Path, request: pytest.FixtureRequest) -> None:
    running = started(settings("torch", project, request), project)
    theirs = psutil.Process(running.pid).children(recursive=True)
    assert len(theirs) >= 2

    running.kill()

    _, alive = psutil.wait_procs(theirs, timeout=5)
    assert not alive


def ranks(name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if name in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.slow
def test_a_stage_that_listens_once_it_is_connected_hears_sigterm(cluster: Any, tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from asr.machine.ray_cluster import connected
from asr.machine.shutdown import StopRequest
stop = StopRequest(Path({str(tmp_path / "stop")!r}))
connected({cluster.address!r})
stop.listen()
os.kill(os.getpid(), signal.SIGTERM)
print(stop.is_made)
"""
    heard = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )

    assert (heard.returncode, heard.stdout) == (0, "True\n")


def refused() -> None:
    raise DataError("the clips are bad")


def test_bad_data_in_a_rank_is_noted_and_not_read_again_when_all_ranks_are_started_again(tmp_path: Path) -> None:
    rank = Rank(refused, 1, Path.cwd(), tmp_path)

    with pytest.raises(DataError, match=r"^the clips are bad$"):
        rank.run()
    rank.run()

    assert (tmp_path / ERROR).read_text() == "the clips are bad"


@pytest.mark.slow
def test_more_ranks_than_the_cluster_has_cores_is_an_error(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^train_ranks is 3, but the cluster at \S+ has 2 CPUs"):
        run_ranks(refused, 3, cluster.address, tmp_path)


def test_more_ranks_than_the_machine_has_gpus_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)

    with pytest.raises(DataError, match=r"^train_ranks is 3, but this machine has 2 GPUs: lower it, or set engine: ray$"):
        launched_by_torch(Rank(refused, 3, Path.cwd(), tmp_path))


def test_every_rank_needs_a_clip() -> None:
    with pytest.raises(DataError, match=r"^train.effective_batch is 5, fewer clips than train_ranks \(6\)"):
        require_ranks(recipe(effective_batch=5), Machine(train_ranks=6))


def test_gradients_are_summed_in_buckets_of_one_format() -> None:
    large, small, half = torch.zeros(BUCKET_BYTES // 4 - 2), torch.zeros(2), torch.zeros(2, dtype=torch.float16)

    buckets = _buckets([large, small, small, half, half, large, large])

    assert [len(bucket) for bucket in buckets] == [2, 1, 2, 1, 1]
    assert [len(bucket) for bucket in _buckets([])] == []
