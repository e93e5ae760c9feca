"""A team's CI, end to end: a developer's pushes, a runner that trains them, and what the pull request is told.

The scripts are the workflows' own. GitHub is played by tests/workflow.py, the remote is a folder, origin a bare repository.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from commands.comment import MARK
from tests.project import ROOT, environment, read_yaml
from tests.test_pipeline import copied, shared
from tests.test_remotes import RECORDINGS, make_published
from tests.workflow import TOKEN, Step, context, run_all, runner_environment, steps, write_gh

HARM = "$(touch${IFS}harm)`touch${IFS}harm`;touch${IFS}harm"
BRANCH = f"rate-{HARM}-${{{{github.token}}}}"


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


@pytest.fixture
def developer(tmp_path_factory: pytest.TempPathFactory, finished: Path, tmp_path: Path) -> Path:
    """A developer's clone: recordings added by `dvc add`, run once, pushed to origin and to the remote."""
    published = shared(tmp_path_factory, "published", partial(make_published, finished))
    project = copied(published, tmp_path / "developer")
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, project)
    shutil.copytree(ROOT / ".github", project / ".github")
    dvc(project, "remote", "add", "--quiet", "--default", "storage", str(tmp_path / "storage"))
    dvc(project, "remote", "modify", "storage", "verify", "true")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "what a team needs")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(project, "remote", "add", "origin", str(tmp_path / "origin.git"))
    dvc(project, "push", "--quiet", "--run-cache")
    git(project, "push", "--quiet", "--set-upstream", "origin", "main")
    return project


@dataclass(frozen=True)
class Team:
    """A developer's clone, the environment of a runner's steps, and what was seen."""

    developer: Path
    env: dict[str, str]
    seen: list[str]

    @property
    def base(self) -> Path:
        """The folder of all clones."""
        return self.developer.parent

    def push_change(self, branch: str, message: str, **train: object) -> None:
        """The developer changes parameters of training on a new branch."""
        git(self.developer, "checkout", "--quiet", "-b", branch, "main")
        change(self.developer, **train)
        git(self.developer, "commit", "--quiet", "--all", "-m", message)
        git(self.developer, "push", "--quiet", "origin", branch)

    def check_out(self, branch: str) -> Path:
        """What actions/checkout leaves for a new job, with an environment that is installed already."""
        folder = self.base / f"job{len(list(self.base.glob('job?')))}"
        git(self.base, "clone", "--quiet", "--branch", branch, "origin.git", folder.name)
        (folder / ".venv").mkdir()
        for name in ("bin", "lib", "pyvenv.cfg"):
            (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
        (folder / ".venv/requirements.txt").touch()
        return folder

    def run(self, what: str, found: list[Step], folder: Path) -> str:
        """Run steps that have to succeed, and keep what they print."""
        return self.keep(what, run_all(found, folder, self.env))

    def keep(self, what: str, text: str) -> str:
        """Keep it for the end."""
        self.seen.append(f"##### {what}\n{text}")
        return text

    def comment(self) -> str:
        """The pull request's comment."""
        return (self.base / "gh/comment.md").read_text()


def ran(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage ")]


def named(name: str, found: list[Step]) -> Step:
    (only,) = (step for step in found if step.name == name)
    return only


@pytest.mark.slow
def test_pull_requests_from_the_push_to_the_comment(developer: Path) -> None:
    env = runner_environment(developer.parent / "home", write_gh(developer.parent / "gh"))
    team = Team(developer, env, [])
    check, gpu = steps("check.yml", context(BRANCH)), steps("gpu.yml", context(BRANCH))
    is_current = named("Is dvc.lock current?", check)

    team.push_change(BRANCH, "another rate", learning_rate=0.01, keep_of_base=0.0)
    see_a_stale_lock(team, is_current, named("Publish", gpu))
    see_a_run(team, gpu)
    see_its_commit(team, is_current)
    see_nothing_run_again(team, gpu)
    team.push_change("long", "many epochs", epochs=8, early_stopping_patience=8)
    see_a_cancelled_run_go_on(team, steps("gpu.yml", context("long")))

    print("\n".join(team.seen))
    see_no_harm(team)


def see_a_stale_lock(team: Team, is_current: Step, publish: Step) -> None:
    """check.yml fails; and a job whose run fails at once commits nothing and says what it owes."""
    folder = team.check_out(BRANCH)
    running = is_current.start(folder, team.env)
    said = team.keep("check.yml on the developer's commit", running.communicate()[0])
    assert said.startswith("ci: dvc.lock is stale, for train, evaluate, export, usage, report: ")
    assert running.returncode == 1

    assert "committed" not in run_all([publish], folder, team.env)
    owing = team.keep("the comment after a run that failed", team.comment())
    assert "**The run did not end**; stale: train, evaluate, export, usage, report." in owing
    assert "\ncompare: workspace: its metrics/evaluate/predictions.jsonl is not here" in owing


def see_a_run(team: Team, gpu: list[Step]) -> None:
    """gpu.yml trains without features and audio being made or fetched, and comments; main has moved on meanwhile."""
    git(team.developer, "checkout", "--quiet", "main")
    git(team.developer, "commit", "--quiet", "--allow-empty", "-m", "something else")
    git(team.developer, "push", "--quiet", "origin", "main")
    folder = team.check_out(BRANCH)

    output = team.run("gpu.yml on the developer's commit", gpu, folder)

    assert ran(output) == ["train", "evaluate", "export", "usage", "report"]
    assert not (folder / RECORDINGS).exists()
    assert (folder / "metrics/report.html").exists()
    assert "ci: the comment on pull request 3 is edited" in output
    comment = team.keep("the comment", team.comment())
    left_at = git(team.developer, "rev-parse", "main~1")[:7]
    assert comment.startswith(f"{MARK}\n\n### Beside <code>origin/main</code> at {left_at}\n\nCommits that ")
    assert "\n- test: " in comment
    assert "| params.yaml | train.learning_rate | auto" in comment
    assert "metrics/evaluate.json" in comment
    assert "[the job](https://github.com/a/b/actions/runs/9)" in comment
    assert (team.base / "home/summary.md").read_text().endswith(comment)


def see_its_commit(team: Team, is_current: Step) -> None:
    """What the run wrote is on the branch, and check.yml is content with it."""
    git(team.developer, "checkout", "--quiet", BRANCH)
    git(team.developer, "pull", "--quiet", "origin", BRANCH)
    assert git(team.developer, "log", "-1", "--format=%an: %s").startswith("github-actions[bot]: Results of the run on ")
    changed = git(team.developer, "diff", "--name-only", "HEAD~1").splitlines()
    assert changed[0] == "dvc.lock"
    assert {Path(name).parent.name for name in changed[1:]} == {"metrics"}
    team.run("check.yml on the runner's commit", [is_current], team.check_out(BRANCH))


def see_nothing_run_again(team: Team, gpu: list[Step]) -> None:
    """The same commit once more: nothing is trained, the comment is edited, the page is there."""
    before = team.comment()
    folder = team.check_out(BRANCH)

    output = team.run("gpu.yml once more", gpu, folder)

    assert ran(output) == []
    assert "ci: dvc.lock and metrics are those of the commit" in output
    assert "ci: the comment on pull request 3 is edited" in output
    assert len(team.comment().splitlines()) == len(before.splitlines())
    assert (folder / "metrics/report.html").exists()


def see_a_cancelled_run_go_on(team: Team, gpu: list[Step]) -> None:
    """GitHub ends a job once training has a checkpoint: SIGINT, and SIGTERM after some seconds. The next job goes on."""
    folder = team.check_out("long")
    run_all([step for step in gpu if step.name in ("Install", "Prepare")], folder, team.env)
    running = named("Run", gpu).start(folder, {**team.env, "ASR_CHECKPOINT_MINUTES": "0.001"})
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if "epoch 1 of" in line:
            running.send_signal(signal.SIGINT)
        if "train: ends once a checkpoint is saved" in line:
            running.send_signal(signal.SIGTERM)
            break
    lines.append(running.communicate(timeout=120)[0])
    said = team.keep("a job that is cancelled", "".join(lines))
    assert "train: stopped; the same run goes on from its checkpoint" in said
    assert running.returncode != 0

    folder = team.check_out("long")
    run_all([step for step in gpu if step.name in ("Install", "Prepare")], folder, team.env)
    running = named("Run", gpu).start(folder, team.env)
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if "Running stage 'evaluate'" in line:  # the rest has been seen before
            running.send_signal(signal.SIGINT)
    running.wait()
    said = team.keep("the next job, up to the end of training", "".join(lines))
    steps_done = [int(number) for number in re.findall(r"step (\d+) of 40", said)]
    assert "train: goes on from " in said
    assert steps_done[0] > 5
    assert steps_done[-1] == 40


def see_no_harm(team: Team) -> None:
    """No token where somebody could read it, and nothing was run that a branch's name or a transcript holds."""
    calls = [json.loads(line) for line in (team.base / "gh/calls.jsonl").read_text().splitlines()]
    assert {token for _, token in calls} == {TOKEN}
    assert TOKEN not in "\n".join([*team.seen, *(" ".join(arguments) for arguments, _ in calls)])
    assert not any(TOKEN in path.read_text(errors="replace") for path in team.base.glob("job*/.git/**/*") if path.is_file())
    assert list(team.base.rglob("harm")) == []
