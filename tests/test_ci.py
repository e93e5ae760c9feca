"""A team's CI, end to end: a developer's pushes, a runner that trains them, and what the pull request is told.

The scripts are the workflows' own. GitHub is played by tests/workflow.py, the remote is a folder, origin a bare repository.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.project import ROOT, environment, make_project, read_yaml
from tests.workflow import Context, Step, holds, job, run_all, runner_environment, steps, write_gh

TOKEN = "ghs_oneThatNobodyMaySee"
HARM = "$(touch${IFS}harm)`touch${IFS}harm`;touch${IFS}harm"
BRANCH = f"rate-{HARM}-${{{{github.token}}}}"
TRANSCRIPT = "$(touch harm);`touch harm` ${{x}} @all <!-- one"


def call(folder: Path, *command: str) -> str:
    ended = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


def git(folder: Path, *command: str) -> str:
    return call(folder, "git", "-c", "user.name=dev", "-c", "user.email=dev@example.org", *command)


def dvc(folder: Path, *command: str) -> str:
    return call(folder, sys.executable, "-m", "dvc", *command)


def change(project: Path, **train: object) -> None:
    values = read_yaml(project / "params.yaml")
    values["train"].update(train)
    (project / "params.yaml").write_text(yaml.safe_dump(values))


@pytest.fixture(scope="module")
def developer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A developer's clone: recordings added by `dvc add`, run once, pushed to origin and to the remote."""
    base = tmp_path_factory.mktemp("team")
    project = make_project(base / "developer", base / "developer" / "recordings")
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, project)
    shutil.copytree(ROOT / ".github", project / ".github")
    values = read_yaml(project / "params.yaml")
    values["data"].update(csv="clips.csv", audio_root="recordings")
    values["filter"]["max_seconds"] = 4.0
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    clips = (project / "recordings/clips.csv").read_text().replace("this is sentence 0,", f'"{TRANSCRIPT}",')
    assert TRANSCRIPT in clips
    (project / "clips.csv").write_text(clips)
    (project / "recordings/clips.csv").unlink()
    git(base, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(project, "init", "--quiet", "--initial-branch=main")
    dvc(project, "init", "--quiet")
    dvc(project, "config", "core.autostage", "true")
    dvc(project, "config", "cache.type", "hardlink,copy")
    dvc(project, "remote", "add", "--quiet", "--default", "storage", str(base / "storage"))
    dvc(project, "remote", "modify", "storage", "verify", "true")
    dvc(project, "add", "--quiet", "recordings")
    call(project, sys.executable, "-m", "commands.repro")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "first run")
    git(project, "remote", "add", "origin", str(base / "origin.git"))
    dvc(project, "push", "--quiet", "--run-cache")
    git(project, "push", "--quiet", "--set-upstream", "origin", "main")
    return project


def checked_out(developer: Path, branch: str, number: int) -> Path:
    """What actions/checkout leaves for a job, and an environment that is installed already."""
    folder = developer.parent / f"job{number}"
    git(developer.parent, "clone", "--quiet", "--branch", branch, "origin.git", folder.name)
    (folder / ".venv").symlink_to(sys.prefix)
    os.utime(folder / "requirements.txt", (1, 1))  # older than what is installed
    return folder


def context(branch: str) -> dict[str, str]:
    """A pull request of this repository's `branch` to main, on a runner that has no GPU."""
    return {
        "github.event_name": "pull_request",
        "github.event.pull_request.head.repo.full_name": "a/b",
        "github.repository": "a/b",
        "github.head_ref || github.ref_name": branch,
        "github.base_ref || github.event.repository.default_branch": "main",
        "github.event.pull_request.number": "3",
        "github.token": TOKEN,
        "secrets.AWS_ACCESS_KEY_ID": "",
        "secrets.AWS_SECRET_ACCESS_KEY": "",
        "vars.ASR_REQUIRE_GPU || 'true'": "false",
    }


def ran(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage ")]


def step_named(name: str, found: list[Step]) -> Step:
    (only,) = (step for step in found if step.name == name)
    return only


@pytest.mark.slow
def test_a_changed_rate_from_the_push_to_the_comment(developer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = developer.parent
    env = runner_environment(base / "home", write_gh(base / "gh"))
    told = []

    def note(what: str, output: str) -> str:
        told.append(f"##### {what}\n{output}")
        return output

    git(developer, "checkout", "--quiet", "-b", BRANCH)
    change(developer, learning_rate=0.01)
    git(developer, "commit", "--quiet", "--all", "-m", "another rate")
    git(developer, "push", "--quiet", "origin", BRANCH)

    # dvc.lock is stale, and check.yml says so.
    stale = step_named("Is dvc.lock current?", steps("check.yml", context(BRANCH)))
    folder = checked_out(developer, BRANCH, 1)
    running = stale.start(folder, env)
    assert note("check.yml on the developer's commit", running.communicate()[0]).startswith("ci: dvc.lock is stale, train")
    assert running.returncode == 1

    # A job whose run fails at once commits nothing, and says what it owes.
    output = run_all([step_named("Publish", steps("gpu.yml", context(BRANCH)))], folder, env)
    assert "committed" not in output
    owing = note("the comment after a run that failed", (base / "gh/comment.md").read_text())
    assert "**The run did not end:** train, report would still run." in owing
    assert "compare: workspace: its metrics/evaluate/predictions.jsonl is not here" in owing

    # The runner trains it: no features, no audio.
    folder = checked_out(developer, BRANCH, 2)
    output = note("gpu.yml on the developer's commit", run_all(steps("gpu.yml", context(BRANCH)), folder, env))
    assert ran(output) == ["train", "evaluate", "report"]
    assert not (folder / "recordings").exists()
    assert "ci: the comment on pull request 3 is edited" in output
    first = note("the comment", (base / "gh/comment.md").read_text())
    assert first.startswith("<!-- whisper-finetuning -->\n\n### WER beside `origin/main`\n\n|")
    assert "\n- test: " in first
    assert "| params.yaml | train.learning_rate | auto" in first
    assert "metrics/evaluate.json" in first
    assert "[the job](https://github.com/a/b/actions/runs/9)" in first
    assert (base / "home/summary.md").read_text() == owing + first
    assert (folder / "metrics/report.html").exists()

    # What it wrote is on the branch, and check.yml is content with it.
    git(developer, "pull", "--quiet", "origin", BRANCH)
    assert git(developer, "log", "-1", "--format=%an: %s").startswith("github-actions[bot]: Results of the run on ")
    changed = git(developer, "diff", "--name-only", "HEAD~1").splitlines()
    assert changed[0] == "dvc.lock"
    assert {Path(name).parent.name for name in changed[1:]} == {"metrics"}
    note("check.yml on the runner's commit", run_all([stale], checked_out(developer, BRANCH, 3), env))

    # The same commit again: nothing is trained, and the comment is edited.
    folder = checked_out(developer, BRANCH, 4)
    output = note("gpu.yml once more", run_all(steps("gpu.yml", context(BRANCH)), folder, env))
    assert ran(output) == []
    assert len((base / "gh/comment.md").read_text().splitlines()) == len(first.splitlines())
    assert (folder / "metrics/report.html").exists()
    assert "ci: dvc.lock and metrics are those of the commit" in output
    assert "ci: the comment on pull request 3 is edited" in output

    # A job that GitHub ends, and the next one.
    git(developer, "checkout", "--quiet", "main")
    git(developer, "checkout", "--quiet", "-b", "long")
    change(developer, epochs=20, early_stopping_patience=20)
    git(developer, "commit", "--quiet", "--all", "-m", "many epochs")
    git(developer, "push", "--quiet", "origin", "long")
    folder = checked_out(developer, "long", 5)
    found = steps("gpu.yml", context("long"))
    before, run = [step for step in found if step.name in ("Install", "Prepare")], step_named("Run", found)
    run_all(before, folder, env)
    note("a job that is cancelled", cancelled(run, folder, env))
    assert list((base / "home/.cache/whisper-finetuning/training").glob("*/checkpoint-*"))
    output = note("the next job", run_all(found, checked_out(developer, "long", 6), env))
    assert "train: goes on from " in output
    assert ran(output) == ["train", "evaluate", "report"]

    print("\n".join(told))
    calls = [json.loads(line) for line in (base / "gh/calls.jsonl").read_text().splitlines()]
    assert [arguments[:2] for arguments, _ in calls if arguments[0] == "workflow"] == [["workflow", "run"]] * 2
    assert {token for _, token in calls} == {TOKEN}
    everything = "\n".join([*told, *(" ".join(arguments) for arguments, _ in calls)])
    assert TOKEN not in everything
    assert not any(TOKEN in path.read_text(errors="replace") for path in base.glob("job*/.git/**/*") if path.is_file())
    assert list(base.rglob("harm")) == []


def cancelled(run: Step, folder: Path, env: dict[str, str]) -> str:
    """Start a step, and stop it as GitHub does once training has a checkpoint."""
    running = run.start(folder, {**env, "ASR_CHECKPOINT_MINUTES": "0.001"})
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if "epoch 1 of" in line:
            break
    running.send_signal(signal.SIGINT)
    lines.append(running.communicate(timeout=60)[0])
    output = "".join(lines)
    assert "train: stopped; the same run goes on from its checkpoint" in output
    assert running.returncode != 0
    return output


def test_a_fork_is_refused_by_the_workflow_and_by_the_script(tmp_path: Path) -> None:
    condition = job("gpu.yml")["if"]
    fork: Context = {**context("main"), "github.event.pull_request.head.repo.full_name": "c/b"}
    assert holds(condition, context("main"))
    assert holds(condition, {**fork, "github.event_name": "workflow_dispatch"})
    assert not holds(condition, fork)

    event = {"pull_request": {"head": {"repo": {"full_name": "c/b"}}, "base": {"repo": {"full_name": "a/b"}}}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    refused = subprocess.run(
        [sys.executable, "-m", "commands.ci", "prepare", "--keep", str(tmp_path / "keep")],
        cwd=ROOT, env=environment(GITHUB_EVENT_PATH=str(tmp_path / "event.json")), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "ci: this pull request comes from c/b, and code of a fork is not run on the machines of a/b"
    )
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
    assert job("gpu.yml")["permissions"] == {"contents": "write", "pull-requests": "write", "actions": "write"}
    tokens = [step["name"] for step in job("gpu.yml")["steps"] if "github.token" in str(step.get("env", ""))]
    assert tokens == ["Publish"]


def test_actionlint_finds_nothing() -> None:
    found = subprocess.run([Path(sys.executable).parent / "actionlint"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")
