"""Compare the tuned models of git revisions and experiments, clip by clip, and say whether they differ by more than chance.

  python -m commands.compare main              main with what is in the workspace
  python -m commands.compare main feature      main with another branch, tag, commit or experiment
  python -m commands.compare main a b c        each of the others with main
  python -m commands.compare main --all        each experiment of the current commit with main; without main, with that commit

Not a stage of dvc.yaml. Reads metrics/evaluate/predictions.jsonl of each through DVC. The interval and p are a paired
bootstrap's, over speakers where they are known; p is the chance that equal models differ at least as much. Of several
models, p is corrected by Holm's method over all rows of the table, each model on each test set, so the best of twenty is not
called better by luck. See also `dvc exp show`, `dvc metrics diff --md` and `dvc params diff --md`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from asr.base.errors import DataError
from commands.comparing.family import family
from commands.comparing.picture import render
from commands.comparing.sides import WORKSPACE, Side, experiments, read_side
from commands.comparing.tables import of_several, of_two
from stages.common.command import telling_errors

PAGE = Path("metrics/comparison.html")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", nargs="?", help="a branch, tag, commit or experiment")
    parser.add_argument("others", nargs="*", help="others (default: what is in the workspace)")
    parser.add_argument("--all", action="store_true", help="beside others, every experiment of the current commit")
    parser.add_argument("--md", action="store_true", help="as Markdown, for a pull request")
    parser.add_argument(
        "--html", nargs="?", type=Path, const=PAGE, metavar="FILE", help=f"also a page with a picture (without FILE: {PAGE})"
    )
    with telling_errors("compare"):
        arguments = parser.parse_args()
        if arguments.html and arguments.html.suffix != ".html":
            parser.error(f"--html {arguments.html}: the page's name ends in .html; put --html after the revisions")
        if arguments.first is None and not arguments.all:
            parser.error("name a revision to compare with, or use --all")
        first = read_side(arguments.first or "HEAD")
        others = everything(arguments.others, first.name) if arguments.all else named(arguments.others or [WORKSPACE])
        members = family(first, others)
        if len(others) == 1:
            print(of_two(first, others[0], members, arguments.md))
        else:
            print(of_several(first, others, members, arguments.md))
        if arguments.html:
            arguments.html.parent.mkdir(parents=True, exist_ok=True)
            arguments.html.write_text(render(first, others, members), encoding="utf-8")
            print(f"compare: {arguments.html} has it as a page", file=sys.stderr)


def named(revisions: Sequence[str]) -> list[Side]:
    """Read the sides that were named, each once."""
    return [read_side(revision) for revision in dict.fromkeys(revisions)]


def everything(revisions: Sequence[str], first: str) -> list[Side]:
    """Read the sides that were named, and every experiment of the current commit; one without results is told and left out.

    Raises:
        DataError: when there is nothing to compare with.
    """
    sides = named(revisions)
    for name in experiments():
        if name not in (first, *revisions):
            try:
                sides.append(read_side(name))
            except DataError as error:
                print(f"compare: left out: {error}", file=sys.stderr)
    if not sides:
        raise DataError("the current commit has no experiments with results; `dvc exp list --all-commits` names all there are")
    return sides


if __name__ == "__main__":
    main()
