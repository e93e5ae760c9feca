"""Ranks: one training in two processes of a Ray cluster, the same loss as in one, and what may die there."""

import json
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
import yaml

from tests.project import environment, make_project, read_yaml, run_stage
from tests.test_cluster import two_nodes

pytestmark = pytest.mark.slow

VALIDATED = 9


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as running:
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its features, trained in one process."""
    folder = tmp_path_factory.mktemp("ranks")
    project = make_project(folder / "project", folder / "audio")
    params = read_yaml(project / "params.yaml")
    params["train"].update(epochs=6, effective_batch=5, window="fit", time_masks=1, early_stopping_patience=6)
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    for stage in ("validate", "split", "sets", "features_eval", "features_train"):
        assert run_stage(stage, project).returncode == 0
    # An odd number of clips can't be shared evenly.
    texts = project / "data/splits/text/validation.jsonl"
    texts.write_text("".join(texts.read_text().splitlines(keepends=True)[:VALIDATED]))
    assert run_stage("train", project).returncode == 0
    (project / "metrics/train").rename(project / "alone")
    return project


def ray_settings(cluster: Any, project: Path) -> dict[str, str]:
    cache = str(project.parent / f"{project.name}.cache")
    return {"ASR_ENGINE": "ray", "ASR_TRAIN_RANKS": "2", "ASR_RAY_ADDRESS": cluster.address, "ASR_CACHE": cache}


def require_as_alone(project: Path) -> None:
    alone, shared = (pd.read_csv(project / folder / "curves.csv") for folder in ("alone", "metrics/train"))
    pd.testing.assert_frame_equal(shared, alone, rtol=2e-3)
    heard = pd.read_csv(project / "metrics/train/validation.csv")
    assert heard.groupby("epoch")["path"].agg(["size", "nunique"]).to_numpy().tolist() == [[VALIDATED, VALIDATED]] * 6


def test_two_ranks_learn_what_one_process_learns(cluster: Any, project: Path) -> None:
    result = run_stage("train", project, **ray_settings(cluster, project))

    assert result.returncode == 0, result.stderr
    assert result.stderr.count("train: epoch 6 of 6") == 1
    assert json.loads((project / "metrics/train/summary.json").read_text())["ranks"] == 2
    require_as_alone(project)
    assert not list(project.glob(".cache/training/*"))


def started(cluster: Any, project: Path) -> "subprocess.Popen[str]":
    """The stage, once it has saved a checkpoint that was not there before."""
    pattern = ".cache/training/*/checkpoint-*/trainer_state.json"
    before = set(project.glob(pattern))
    running = subprocess.Popen(
        [sys.executable, "-m", "stages.train"], cwd=project, env=environment(**ray_settings(cluster, project)),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while set(project.glob(pattern)) <= before:
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.05)
    return running


def test_a_run_that_is_told_to_end_and_loses_a_rank_ends_alike(cluster: Any, project: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        running = started(cluster, project)
        running.send_signal(number)
        said = running.communicate()[1]
        assert running.returncode == 128 + number, said
        assert "train: stopped; the same run goes on from its checkpoint in" in said

    running = started(cluster, project)
    ranks()[-1].kill()

    said = running.communicate()[1]
    assert running.returncode == 0, said
    assert said.count("train: epoch 1 of 6") == 0
    assert said.count("train: epoch 6 of 6") == 1
    require_as_alone(project)


def ranks() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if "RayTrainWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_bad_data_in_a_rank_is_told_in_a_line(cluster: Any, project: Path, tmp_path: Path) -> None:
    texts = project / "data/splits/text/train.jsonl"
    before = texts.read_text()
    texts.write_text(before.replace("this is sentence", "this is a sentence " + 20 * "so long "))
    try:
        result = run_stage("train", project, **ray_settings(cluster, project))
    finally:
        texts.write_text(before)

    assert result.returncode == 1
    assert "transcripts are longer than the model's 64 tokens" in result.stderr
    assert "Traceback" not in result.stderr


def test_more_ranks_than_the_cluster_has_cores_is_an_error(cluster: Any, project: Path) -> None:
    result = run_stage("train", project, **{**ray_settings(cluster, project), "ASR_TRAIN_RANKS": "3"})

    assert result.returncode == 1
    assert "train_ranks is 3, but the cluster at" in result.stderr


def test_ranks_need_ray_and_a_clip_each(project: Path) -> None:
    result = run_stage("train", project, ASR_TRAIN_RANKS="2")

    assert result.returncode == 1
    assert "train_ranks is 2 but engine is local: set engine: ray in machine.yaml" in result.stderr

    result = run_stage("train", project, ASR_TRAIN_RANKS="6", ASR_ENGINE="ray")

    assert result.returncode == 1
    assert "train.effective_batch is 5, fewer clips than train_ranks (6)" in result.stderr
