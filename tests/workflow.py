"""A stand-in for GitHub: it takes the `run:` lines and `if:` out of a workflow and runs them as a runner would."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.project import ROOT, environment, read_yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
Context = Mapping[str, str]
"""What the expressions of a workflow come to; one that is missing here is an error."""

TOKEN = "ghs_oneThatNobodyMaySee"

GH = """#!{python}
import json, os, sys
from pathlib import Path

folder = Path("{folder}")
text = sys.stdin.read() if "--input" in sys.argv else ""
with (folder / "calls.jsonl").open("a") as log:
    log.write(json.dumps([sys.argv[1:], os.environ.get("GH_TOKEN", "")]) + "\\n")
comment = folder / "comment.md"
if sys.argv[1:] == ["auth", "git-credential", "get"]:
    print("username=x-access-token\\npassword=" + os.environ["GH_TOKEN"])
elif sys.argv[1:3] == ["pr", "list"]:
    print("[]")
elif "--paginate" in sys.argv and comment.exists():
    print(7)
elif text:
    comment.write_text(json.loads(text)["body"])
"""
"""A `gh` that knows one pull request, keeps its one comment, and writes down how it was called."""


@dataclass(frozen=True)
class Step:
    """A step that runs a script: its name, its script, and its environment beside the runner's."""

    name: str
    script: str
    env: Mapping[str, str]

    def start(self, folder: Path, env: Mapping[str, str]) -> "subprocess.Popen[str]":
        """Start the script as GitHub's runner does for `shell: bash`."""
        file = folder.parent / f"{folder.name}.sh"
        file.write_text(self.script)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)]
        return subprocess.Popen(
            command, cwd=folder, env={**env, **self.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def context(branch: str) -> dict[str, str]:
    """A pull request of this repository's `branch` to main, on a runner that has no GPU."""
    return {
        "github.event_name": "pull_request",
        "github.event.pull_request.head.repo.full_name": "a/b",
        "github.event.pull_request.head.repo.full_name || github.repository": "a/b",
        "github.repository": "a/b",
        "github.head_ref || github.ref_name": branch,
        "github.base_ref || github.event.repository.default_branch": "main",
        "github.event.pull_request.number": "3",
        "secrets.WHISPER_TOKEN || github.token": TOKEN,
        "secrets.AWS_ACCESS_KEY_ID": "",
        "secrets.AWS_SECRET_ACCESS_KEY": "",
        "vars.ASR_REQUIRE_GPU || 'true'": "false",
    }


def job(workflow: str) -> dict[str, Any]:
    """A workflow's only job."""
    (only,) = read_yaml(ROOT / ".github/workflows" / workflow)["jobs"].values()
    assert isinstance(only, dict)
    return only


def steps(workflow: str, context: Context) -> list[Step]:
    """The steps of a workflow that run a script, in order."""
    found = job(workflow)
    return [
        Step(
            step.get("name", step["run"]),
            filled(step["run"], {}),
            filled_all({**found.get("env", {}), **step.get("env", {})}, context),
        )
        for step in found["steps"]
        if "run" in step
    ]


def filled(text: str, context: Context) -> str:
    """The text with its expressions replaced by what they come to."""
    return EXPRESSION.sub(lambda found: context[found[1]], text)


def filled_all(values: Mapping[str, str], context: Context) -> dict[str, str]:
    """An environment, filled likewise."""
    return {name: filled(value, context) for name, value in values.items()}


def holds(condition: str, context: Context) -> bool:
    """Whether an `if` of the form `a == b || c == d` holds."""

    def value(operand: str) -> str:
        return operand.strip("'") if operand.startswith("'") else context[operand]

    return any(value(left) == value(right) for left, right in (each.split(" == ") for each in condition.split(" || ")))


def write_gh(folder: Path) -> Path:
    """Write the stub; the folder that goes on the PATH."""
    folder.mkdir(parents=True)
    gh = folder / "gh"
    gh.write_text(GH.format(python=sys.executable, folder=folder))
    gh.chmod(0o755)
    return folder


def runner_environment(home: Path, gh: Path) -> dict[str, str]:
    """What a runner gives to every step."""
    home.mkdir(exist_ok=True)
    inherited = environment(
        HOME=str(home), CI="true", GITHUB_ACTIONS="true", GITHUB_REPOSITORY="a/b", GITHUB_RUN_ID="9",
        GITHUB_SERVER_URL="https://github.com",
        GITHUB_STEP_SUMMARY=str(home / "summary.md"), SHELL="/bin/sh",
    )  # fmt: skip
    return {**inherited, "PATH": os.pathsep.join([str(gh), inherited["PATH"]])}


def run_all(found: Sequence[Step], folder: Path, env: Mapping[str, str]) -> str:
    """Run the steps one after another, all of which must succeed; what they print."""
    told = []
    for step in found:
        running = step.start(folder, env)
        output, _ = running.communicate()
        told.append(f"--- {step.name}\n{output}")
        assert running.returncode == 0, "".join(told)
    return "".join(told)
