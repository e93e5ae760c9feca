"""What a CI job does besides `make repro`: .github/workflows calls it, and so can any other CI.

  prepare    refuse a fork's code; keep caches and checkpoints in a folder that outlives the job (--keep)
  stale      fail when dvc.lock is not that of the code, the parameters and the data of this commit; fetches nothing
  publish    once all is current: push the outputs to the remote, commit dvc.lock and metrics to the branch, and say on
             the pull request what has changed since --base; the comment is edited, not doubled

The comment is written to metrics/comment.md. To post it, `gh` is used where GH_TOKEN is set, on GITHUB_REPOSITORY.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from asr.base.errors import DataError
from commands.comment import MARK, comment
from commands.tracking import stale_stages
from stages.common.command import telling_errors
from stages.common.machine import MACHINE

KEEP = Path("~/.cache/whisper-finetuning")
FOLDERS = {"cache": "features", "checkpoints": "training", "tensorboard": "tensorboard"}
"""Keys of machine.yaml, and the folders in --keep that they name."""
REPORT = ("metrics/report.html", "metrics/report.txt")
COMMENT = Path("metrics/comment.md")
RESULTS = ("dvc.lock", "metrics")
"""What git keeps of a run."""


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.ci", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="{prepare,stale,publish}")
    step = steps.add_parser("prepare", help="before `make repro`")
    step.add_argument("--keep", type=Path, default=KEEP, help="the folder (%(default)s)")
    steps.add_parser("stale", help="is dvc.lock that of this commit?")
    step = steps.add_parser("publish", help="after `make repro`")
    step.add_argument("--branch", required=True, help="the branch to commit to")
    step.add_argument("--base", required=True, help="what the results are compared with, such as origin/main")
    step.add_argument(
        "--pull-request", type=_number, default=None, help="its number; found by the branch where it is not given"
    )
    arguments = parser.parse_args()
    with telling_errors("ci"):
        match arguments.step:
            case "prepare":
                refuse_forks()
                prepare(arguments.keep.expanduser().resolve())
            case "stale":
                require_current()
            case _:
                publish(arguments.branch, arguments.base, arguments.pull_request)


def _number(text: str) -> int | None:
    return int(text) if text else None


def refuse_forks() -> None:
    """Stop when GitHub's event is a pull request of another repository.

    The workflow's `if` has refused it before; this holds where somebody has written a workflow of their own.

    Raises:
        DataError: naming both repositories.
    """
    path = os.environ.get("GITHUB_EVENT_PATH")
    event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    if "pull_request" not in event:
        return
    head, base = (event["pull_request"][side]["repo"] or {"full_name": "a deleted fork"} for side in ("head", "base"))
    if head["full_name"] != base["full_name"]:
        raise DataError(
            f"this pull request comes from {head['full_name']}, and code of a fork is not run on the machines of "
            f"{base['full_name']}: read it, and push its branch to this repository"
        )


def prepare(keep: Path) -> None:
    """Have DVC and machine.yaml keep what should outlive the job in `keep`; a machine.yaml that is there already stays."""
    keep.mkdir(parents=True, exist_ok=True)
    _call("dvc", "config", "--quiet", "--local", "cache.dir", str(keep / "dvc"))
    if not MACHINE.exists():
        MACHINE.write_text(
            "".join(f"{key}: {json.dumps(str(keep / name))}\n" for key, name in FOLDERS.items()), encoding="utf-8"
        )
    print(f"ci: caches and checkpoints are kept in {keep}")


def require_current() -> None:
    """Stop when a stage would run.

    Raises:
        DataError: naming the stages.
    """
    if stale := stale_stages():
        raise DataError(
            f"dvc.lock is stale, {', '.join(stale)} would run: `make repro` and commit dvc.lock and metrics, or let the GPU "
            "workflow do it"
        )
    print("ci: dvc.lock is current")


def publish(branch: str, base: str, number: int | None) -> None:
    """Push, commit and comment. Of a run that did not end, only the comment is made."""
    unfinished = stale_stages()
    if not unfinished:
        _call("dvc", "push", "--run-cache")  # before git, so that nobody gets a dvc.lock whose files are nowhere
        _call("dvc", "pull", *REPORT)  # of a run that was made elsewhere they are not here
        commit(branch)
    head = None if unfinished else _call("git", "rev-parse", "--short", "HEAD")
    text = comment(base, head, unfinished, _job())
    COMMENT.write_text(text, encoding="utf-8")
    number = number or pull_request_of(branch)
    if number is None:
        print(f"ci: no open pull request of {branch}; what it would be told is in {COMMENT}")
    else:
        keep_comment(number, text)


def _job() -> str | None:
    """The address of this job, where it runs on GitHub or GitLab."""
    parts = [os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else os.environ.get("CI_JOB_URL")


def commit(branch: str) -> None:
    """Commit what git keeps of the run and push it to the branch, where it differs; the new commit is checked, too."""
    _call("git", "add", "--", *RESULTS)
    if not _call("git", "diff", "--cached", "--name-only", "--", *RESULTS):
        print("ci: dvc.lock and metrics are those of the commit")
        return
    head = _call("git", "rev-parse", "--short", "HEAD")
    _call("git", "commit", "--quiet", "-m", f"Results of the run on {head}", "--", *RESULTS)
    login = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential") if "GH_TOKEN" in os.environ else ()
    _call("git", *login, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    print(f"ci: dvc.lock and metrics are committed to {branch}")
    if "GH_TOKEN" in os.environ:  # what a job's own token pushes starts no workflow
        _call("gh", "workflow", "run", "check.yml", "--ref", branch)


def pull_request_of(branch: str) -> int | None:
    """The number of the open pull request of a branch of this repository; None without one, or without GitHub."""
    if "GH_TOKEN" not in os.environ:
        return None
    found = _call("gh", "pr", "list", "--head", branch, "--json", "number,isCrossRepository")
    return next((pull["number"] for pull in json.loads(found) if not pull["isCrossRepository"]), None)


def keep_comment(number: int, text: str) -> None:
    """Write the pull request's comment, or edit the one that an earlier run wrote."""
    repository = os.environ["GITHUB_REPOSITORY"]
    comments = f"repos/{repository}/issues/{number}/comments"
    earlier = _call("gh", "api", "--paginate", comments, "--jq", f'.[] | select(.body | startswith("{MARK}")) | .id').split()
    target = ("PATCH", f"repos/{repository}/issues/comments/{earlier[0]}") if earlier else ("POST", comments)
    _call("gh", "api", "--silent", "--method", *target, "--input", "-", text=json.dumps({"body": text}))
    print(f"ci: the comment on pull request {number} is {'edited' if earlier else 'written'}")


def _call(*command: str, text: str | None = None) -> str:
    """Run a program and give what it prints.

    Raises:
        DataError: when it fails, with what it said.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
    if ended.returncode != 0:
        raise DataError(f"`{' '.join(command)}` failed: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout.strip()


if __name__ == "__main__":
    main()
