"""What a CI job does besides `make repro`: .github/workflows calls it, and so can any other CI.

  prepare    keep caches and checkpoints in a folder that outlives the job (--keep); stop when there is nowhere to push to
  stale      fail when dvc.lock is not that of the code, the parameters and the data of this commit; fetches nothing
  publish    once all is current: push the outputs to the remote, say on the pull request what has changed since the branch
             left --base, and commit dvc.lock and metrics to the branch; the comment is edited, not doubled

The comment is written to metrics/comment.md. To post it, `gh` is used where GH_TOKEN is set, on GITHUB_REPOSITORY.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

from asr.base.errors import DataError
from commands.comment import MARK, Result, comment
from commands.lock import stale_stages
from commands.programs import output
from commands.remote import default_remote
from stages.common.command import telling_errors
from stages.common.machine import MACHINE

KEEP = Path("~/.cache/whisper-finetuning")
KEPT = {"cache": "features", "checkpoints": "training", "tensorboard": "tensorboard"}
"""Keys of machine.yaml, and the folders in --keep that they name."""
REPORT = ("metrics/report.html", "metrics/report.txt")
COMMENT = Path("metrics/comment.md")
RESULTS = ("dvc.lock", "metrics")
"""What git keeps of a run."""
LOGIN = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")
"""Has git ask `gh`, which has the token in its environment: it is in no argument and no file."""
OURS = 'select(.user.type == "Bot" or (.author_association | IN("OWNER", "MEMBER", "COLLABORATOR")))'
"""Comments by a job or a member: a stranger's, which begins like ours, would remain theirs to edit."""


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
    step.add_argument("--base", required=True, help="the branch that it is to be merged into, such as origin/main")
    step.add_argument(
        "--pull-request", type=_number, default=None, help="its number; found by the branch where it is not given"
    )
    with telling_errors("ci"):
        arguments = parser.parse_args()
        match arguments.step:
            case "prepare":
                prepare(arguments.keep.expanduser().resolve())
            case "stale":
                require_current()
            case _:
                publish(arguments.branch, arguments.base, arguments.pull_request)


def _number(text: str) -> int | None:
    return int(text) if text else None


def prepare(keep: Path) -> None:
    """Have DVC and machine.yaml keep what should outlive the job in `keep`; a machine.yaml that is there already stays.

    Raises:
        DataError: when the job could not publish what it is going to train.
    """
    if default_remote() is None:
        raise DataError("there is no default remote to pull from and push to: docs/remotes.md says how to set one")
    if "GITHUB_ACTIONS" in os.environ and not shutil.which("gh"):
        raise DataError("gh is not on this runner's PATH; install it from https://cli.github.com")
    keep.mkdir(parents=True, exist_ok=True)
    output("dvc", "config", "--quiet", "--local", "cache.dir", str(keep / "dvc"))
    if not MACHINE.exists():
        MACHINE.write_text("".join(f"{key}: {json.dumps(str(keep / name))}\n" for key, name in KEPT.items()), encoding="utf-8")
    print(f"ci: caches and checkpoints are kept in {keep}")


def require_current() -> None:
    """Stop when a stage would run.

    Raises:
        DataError: naming the stages.
    """
    if stale := stale_stages():
        raise DataError(
            f"dvc.lock is stale, for {', '.join(stale)}: `make repro`, `dvc push --run-cache`, and commit dvc.lock and "
            "metrics; or let the GPU workflow do it"
        )
    print("ci: dvc.lock is current")


def publish(branch: str, base: str, number: int | None) -> None:
    """Push the outputs, comment, and push the commit; of a run that did not end, only the comment is made.

    The commit goes last: where a push starts workflows, the new one stops this job.

    Raises:
        DataError: when something of it fails. The comment, which is made all the same, says what.
    """
    unfinished, trouble, is_new = stale_stages(), None, False
    left_at = output("git", "merge-base", base, "HEAD")
    behind = int(output("git", "rev-list", "--count", f"HEAD..{base}"))
    try:
        if not unfinished:
            output("dvc", "push", "--run-cache")  # before git, so that nobody gets a dvc.lock whose files are nowhere
            output("dvc", "pull", *REPORT)  # of a run that was made elsewhere they are not here
            is_new = commit()
    except DataError as error:
        trouble = str(error)
    head = None if unfinished else output("git", "rev-parse", "--short", "HEAD")
    text = comment(Result(base, left_at[:7], behind, head, tuple(unfinished), trouble, _job()))
    COMMENT.write_text(text, encoding="utf-8")
    try:
        say(branch, number, text)
    finally:
        if is_new:
            login = LOGIN if "GH_TOKEN" in os.environ else ()
            output("git", *login, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
            print(f"ci: dvc.lock and metrics are committed to {branch}")
    if trouble:
        raise DataError(trouble)


def _job() -> str | None:
    """The address of this job, where it runs on GitHub or GitLab."""
    parts = [os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else os.environ.get("CI_JOB_URL")


def commit() -> bool:
    """Commit what git keeps of the run, where it differs; whether it did."""
    output("git", "add", "--", *RESULTS)
    if not output("git", "diff", "--cached", "--name-only", "--", *RESULTS):
        print("ci: dvc.lock and metrics are those of the commit")
        return False
    head = output("git", "rev-parse", "--short", "HEAD")
    output("git", "commit", "--quiet", "-m", f"Results of the run on {head}", "--", *RESULTS)
    return True


def say(branch: str, number: int | None, text: str) -> None:
    """Write the comment of the branch's pull request, or edit the one that an earlier run wrote."""
    number = number or pull_request_of(branch)
    if number is None:
        print(f"ci: no open pull request of {branch}; what it would be told is in {COMMENT}")
        return
    comments = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/{number}/comments"
    ours = f'.[] | select(.body | startswith("{MARK}")) | {OURS} | .id'
    earlier = output("gh", "api", "--paginate", comments, "--jq", ours).split()
    one = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/comments/{earlier[0]}" if earlier else comments
    method = "PATCH" if earlier else "POST"
    output("gh", "api", "--silent", "--method", method, one, "--input", "-", text=json.dumps({"body": text}))
    print(f"ci: the comment on pull request {number} is {'edited' if earlier else 'written'}")


def pull_request_of(branch: str) -> int | None:
    """The number of the open pull request of a branch of this repository; None without one, or without GitHub."""
    if "GH_TOKEN" not in os.environ:
        return None
    asked = ("--repo", os.environ["GITHUB_REPOSITORY"], "--head", branch, "--json", "number,isCrossRepository")
    found = json.loads(output("gh", "pr", "list", *asked))
    return next((pull["number"] for pull in found if not pull["isCrossRepository"]), None)


if __name__ == "__main__":
    main()
