"""The comment on a pull request: how its model differs from the base branch's, and what was changed to make it."""

import html
import sys
from dataclasses import dataclass
from pathlib import Path

from asr.base.errors import DataError
from commands.programs import output

MARK = "<!-- whisper-finetuning -->"
"""Begins the comment, so that the next run finds it."""
MOST_CHARACTERS = 15_000
"""Of each part: GitHub takes 65,536 for all."""
TABLE = Path("metrics/report.txt")


@dataclass(frozen=True)
class Result:
    """What a job has come to.

    Attributes:
        base: the branch that this one is to be merged into.
        left_at: the commit at which this one left it, with which the results are compared.
        behind: commits that the base has had since.
        head: the commit that holds the results; None: they are in the workspace.
        unfinished: the stages that the run has not got to the end of.
        trouble: what failed after the run.
        job: the address of the job that keeps the log and the page.
    """

    base: str
    left_at: str
    behind: int
    head: str | None
    unfinished: tuple[str, ...] = ()
    trouble: str | None = None
    job: str | None = None


def comment(result: Result) -> str:
    """Write the comment in Markdown."""
    sides = [result.left_at, *([result.head] if result.head else [])]
    base = f"<code>{escaped(result.base)}</code>"
    parts = [
        MARK,
        f"### Beside {base} at {result.left_at}",
        f"Commits that {base} has had since: {result.behind}." if result.behind else "",
        f"**The run did not end**; stale: {', '.join(result.unfinished)}. Its log says why." if result.unfinished else "",
        f"**It could not be published:** {escaped(result.trouble)}" if result.trouble else "",
        escaped(_cut(_told(sys.executable, "-m", "commands.compare", *sides, "--md"))),
        f"The log and the report page are kept by [the job]({result.job})." if result.job else "",
        _folded("Parameters that changed", escaped(_cut(_told("dvc", "params", "diff", "--md", *sides)))),
        _folded("Metrics that changed", escaped(_cut(_told("dvc", "metrics", "diff", "--md", *sides)))),
    ]
    if not result.unfinished and TABLE.exists():
        table = escaped(_cut(TABLE.read_text(encoding="utf-8")))
        parts.append(_folded("The base model and the tuned one", f"<pre>{table}</pre>"))
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Take the meaning from what a value may hold by accident or not: HTML, and an @ that would call somebody."""
    return html.escape(text, quote=False).replace("@", "&#64;")


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rpartition("\n")[0] + "\n\n… and more"


def _folded(title: str, text: str) -> str:
    """Fold a part; nothing where it is empty."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>" if text.strip() else ""


def _told(*command: str) -> str:
    """What a program prints, or its error: the comment then says why there is no table."""
    try:
        return output(*command)
    except DataError as error:
        return str(error).partition(" failed: ")[2]  # which program it was doesn't matter to a reader
