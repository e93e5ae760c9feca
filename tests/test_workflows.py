"""The workflows as they stand: what they refuse, what they may do, and where the token goes."""

import subprocess
import sys
from pathlib import Path

import pytest

from commands.ci import LOGIN
from tests.project import ROOT, environment, read_yaml
from tests.workflow import TOKEN, Context, context, filled, holds, job, runner_environment, write_gh


def test_git_gets_the_token_from_gh_alone(tmp_path: Path) -> None:
    env = {**runner_environment(tmp_path / "home", write_gh(tmp_path / "gh")), "GH_TOKEN": TOKEN}

    told = subprocess.run(
        ["git", *LOGIN, "credential", "fill"],
        input="protocol=https\nhost=github.com\n\n", cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert f"password={TOKEN}" in told.stdout.splitlines()


def test_a_fork_is_refused_and_stops_no_run_of_ours() -> None:
    gpu = read_yaml(ROOT / ".github/workflows/gpu.yml")
    condition, group = job("gpu.yml")["if"], gpu["concurrency"]["group"]
    ours = context("rate")
    forks: Context = {
        **ours,
        "github.event.pull_request.head.repo.full_name": "c/b",
        "github.event.pull_request.head.repo.full_name || github.repository": "c/b",
    }

    assert holds(condition, ours)
    assert holds(condition, {**forks, "github.event_name": "workflow_dispatch"})
    assert not holds(condition, forks)
    assert filled(group, ours) != filled(group, forks)


def test_a_job_that_could_not_publish_stops_at_once(tmp_path: Path) -> None:
    stopped = subprocess.run(
        [sys.executable, "-m", "commands.ci", "prepare", "--keep", str(tmp_path / "keep")],
        cwd=tmp_path, env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert stopped.returncode == 1
    assert stopped.stderr.startswith("ci: there is no default remote to pull from and push to")
    assert not (tmp_path / "keep").exists()


@pytest.mark.parametrize("workflow", ["check.yml", "gpu.yml"])
def test_scripts_hold_no_expression_and_actions_are_pinned(workflow: str) -> None:
    for step in job(workflow)["steps"]:
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            name, _, revision = step["uses"].partition("@")
            assert name.startswith("actions/")
            assert len(revision) == 40


def test_a_job_may_do_no_more_than_it_needs() -> None:
    check, gpu = (read_yaml(ROOT / ".github/workflows" / name) for name in ("check.yml", "gpu.yml"))

    assert check["permissions"] == {"contents": "read"}
    assert gpu["permissions"] == {}
    assert job("gpu.yml")["permissions"] == {"contents": "write", "pull-requests": "write"}
    tokens = [step["name"] for step in job("gpu.yml")["steps"] if "github.token" in str(step.get("env", ""))]
    assert tokens == ["Publish"]


def test_actionlint_finds_nothing() -> None:
    found = subprocess.run([Path(sys.executable).parent / "actionlint"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")
