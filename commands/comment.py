"""The comment on a pull request: how its model differs from the base branch's, and what was changed to make it."""

import html
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MARK = "<!-- whisper-finetuning -->"
"""Begins the comment, so that the next run finds it."""
MOST_CHARACTERS = 15_000
"""Of each part: GitHub takes 65,536 for all."""
TABLE = Path("metrics/report.txt")


def comment(base: str, head: str | None, unfinished: Sequence[str], job: str | None) -> str:
    """Write the comment in Markdown.

    Args:
        base: the revision that the results are compared with.
        head: the revision that holds the results; None: they are in the workspace.
        unfinished: the stages that the run has not got to the end of.
        job: the address of the job that keeps the log and the page.
    """
    sides = [base, head] if head else [base]
    parts = [
        MARK,
        f"### WER beside `{base}`",
        *([f"**The run did not end:** {', '.join(unfinished)} would still run. Its log says why."] if unfinished else []),
        escaped(_told("commands.compare", *sides, "--md")),
        *([f"The log and the report page are kept by [the job]({job})."] if job else []),
        _folded("Parameters that changed", escaped(_told("dvc", "params", "diff", "--md", *sides))),
        _folded("Metrics that changed", escaped(_told("dvc", "metrics", "diff", "--md", *sides))),
    ]
    if not unfinished and TABLE.exists():
        parts.append(_folded("The base model and the tuned one", f"<pre>{escaped(TABLE.read_text(encoding='utf-8'))}</pre>"))
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Take the meaning from what a value may hold by accident or not: HTML, and an @ that would call somebody."""
    return html.escape(text, quote=False).replace("@", "&#64;")


def _folded(title: str, text: str) -> str:
    """Fold a part; nothing where it is empty."""
    if not text.strip():
        return ""
    cut = text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rpartition("\n")[0] + "\n\n… and more"
    return f"<details><summary>{title}</summary>\n\n{cut}\n\n</details>"


def _told(module: str, *arguments: str) -> str:
    """What a command of ours or of DVC prints, or its error: the comment then says why there is no table."""
    ended = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    return (ended.stdout if ended.returncode == 0 else ended.stderr).strip()
