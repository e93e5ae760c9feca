"""The cluster: the features stage's jobs on Ray, two nodes of one core, and what may die there."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from asr.base.errors import DataError
from asr.jobs.run import run_jobs
from asr.jobs.work import Work
from asr.machine.engine import Engine
from tests.project import ROOT, environment, run_stage, tree
from tests.test_jobs import Numbers, apart, doubled, killed_by_13, killed_once, name, refused
from tests.test_pipeline import copied, edit

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")]


@contextmanager
def two_nodes() -> Iterator[Any]:
    """A head and another node, with a core each."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_worker_niceness", "0")  # or they would starve beside other tests
        running = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        running.add_node(num_cpus=1)
        running.wait_for_nodes()
        try:
            yield running
        finally:
            ray.shutdown()
            running.shutdown()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an S3 bucket by moto, in a process of its own, as the cluster's workers must reach it too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    s3fs = pytest.importorskip("s3fs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        for _ in range(100):
            try:
                s3fs.S3FileSystem(skip_instance_cache=True).mkdir("features")
                break
            except Exception:
                time.sleep(0.2)
        yield "s3://features/shards"
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def cluster(bucket: str) -> Iterator[Any]:
    """Whose processes have the bucket's address and keys."""
    with two_nodes() as running:
        yield running


def on(cluster: Any) -> Engine:
    return Engine("ray", address=cluster.address)


def slowly(numbers: Numbers) -> Numbers:
    time.sleep(0.3)
    return doubled(numbers)


def test_no_cluster_is_an_error_with_a_remedy() -> None:
    with pytest.raises(DataError, match=r"no Ray cluster answers at 127.0.0.1:1.*`ray start --head`"):
        list(run_jobs(Work(doubled, apart, name), [(1,)], Engine("ray", address="127.0.0.1:1")))


def test_results_and_bad_input_are_as_on_one_machine(cluster: Any) -> None:
    jobs = [(number, number + 1) for number in range(40)]

    assert dict(run_jobs(Work(doubled, apart, name), jobs, on(cluster))) == {job: doubled(job) for job in jobs}
    with pytest.raises(DataError, match=r"^\(1,\) is bad input$"):
        list(run_jobs(Work(refused, apart, name), [(1,)], on(cluster)))


def test_a_worker_that_is_killed_is_replaced(cluster: Any, tmp_path: Path) -> None:
    jobs = [(str(tmp_path), number) for number in range(8)]
    work = Work(killed_once, lambda job: [job], lambda job: str(job[1]))

    assert sorted(result for _, result in run_jobs(work, jobs, on(cluster))) == list(range(8))
    assert (tmp_path / "died").exists()


def test_a_job_that_always_crashes_is_named_within_a_minute(cluster: Any) -> None:
    start = time.monotonic()

    with pytest.raises(DataError, match=r"^number 13: the process that worked on it was killed each time"):
        list(run_jobs(Work(killed_by_13, apart, name), [(1, 2), (12, 13, 14), (3, 4)], on(cluster)))
    assert time.monotonic() - start < 60


def shards(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (cache / "shards").iterdir()}


def machine(cluster: Any) -> dict[str, str]:
    return {"ASR_ENGINE": "ray", "ASR_RAY_ADDRESS": cluster.address}


def test_the_clips_are_validated_to_the_same_bytes_as_on_one_machine(cluster: Any, finished: Path, tmp_path: Path) -> None:
    project = copied(finished, tmp_path / "project")
    for stage in ("validate", "sets"):
        result = run_stage(stage, project, **machine(cluster))
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("\n") < 10, "Ray's own words belong in its log"

    assert tree(project / "data") == tree(finished / "data")


def test_a_driver_that_is_killed_and_run_again(cluster: Any, finished: Path, tmp_path: Path) -> None:
    project = copied(finished, tmp_path / "project")
    command = [sys.executable, "-m", "stages.features_train"]
    more = {"ASR_CACHE": str(tmp_path / "killed"), **machine(cluster)}
    driver = subprocess.Popen(command, cwd=project, env=environment(**more), stderr=subprocess.DEVNULL)
    records = tmp_path / "killed" / "records"
    while driver.poll() is None and not any(records.glob("*/*.json")):
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    assert driver.wait() == -signal.SIGKILL, "it ended before it could be killed"

    again = run_stage("features_train", project, **more)

    assert again.returncode == 0, again.stderr
    assert tree(project / "data/features/train") == tree(finished / "data/features/train")


def test_shards_in_s3(cluster: Any, bucket: str, finished: Path, tmp_path: Path) -> None:
    project = copied(finished, tmp_path / "project")
    cache = {"ASR_CACHE": str(tmp_path / "other")}
    edit(project / "params.yaml", "store: null", f"store: {bucket}")
    for stage, more in (
        ("features_eval", machine(cluster)),
        ("features_train", machine(cluster)),
        ("train", {}),
        ("evaluate", {}),
    ):
        result = run_stage(stage, project, **cache, **more)
        assert result.returncode == 0, result.stderr

    assert not any(path.endswith(".arrow") for path in tree(project / "data" / "features"))
    assert shards(tmp_path / "other") == shards(finished / ".cache/features")


def test_a_node_that_is_lost_loses_nothing(cluster: Any) -> None:
    jobs = [(number,) for number in range(30)]
    results = run_jobs(Work(slowly, apart, name), jobs, on(cluster))
    first = next(results)
    lost = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
    threading.Timer(0.5, cluster.remove_node, [lost], {"allow_graceful": False}).start()

    assert dict([first, *results]) == {job: doubled(job) for job in jobs}
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
