"""Push the tuned model, its export for CTranslate2, or both to a repository on the hub, with the model card as its README.

  python -m commands.publish ada/nurses                      the model of models/whisper, private
  python -m commands.publish ada/nurses --what both          and models/export, in the folder ctranslate2
  python -m commands.publish ada/nurses --license apache-2.0 --public

Not a stage of dvc.yaml. Before anything leaves this machine, it says each file that will, and asks; where it can't ask, --yes
has to say so. Files that aren't known by their names stop it, so no recording and no list of transcripts is pushed; the card is
compared with the test sets' paths and transcripts. The token is yours: set HF_TOKEN, or run `hf auth login` once. HF_ENDPOINT
names another hub than huggingface.co.
"""

import argparse
import re
import sys
from collections.abc import Sequence

from asr.base.errors import DataError
from commands.publishing.contents import CARD, Upload, uploads
from stages.common.command import telling_errors


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", type=_repository, metavar="OWNER/NAME", help="made where it isn't there")
    parser.add_argument("--what", choices=("model", "export", "both"), default="model", help="(default: %(default)s)")
    parser.add_argument("--public", action="store_true", help="for everyone to see; without it, nobody but you and yours")
    parser.add_argument("--license", metavar="ID", help="for the card, such as apache-2.0; without it, the card names none")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    with telling_errors("publish"):
        arguments = parser.parse_args()
        publish(arguments)


def publish(arguments: argparse.Namespace) -> None:
    """Look at everything, show it, ask, push.

    Raises:
        DataError: when anything speaks against it, or nobody says yes.
    """
    name, contents = arguments.repository, arguments.what
    files = uploads(name, contents, arguments.license)
    from commands.publishing import hub  # here, as --help needs none of it

    there = hub.find(name)
    hub.require_suitable(name, there, contents, arguments.public)
    gone = hub.left_over(there, contents, files)
    seen_by = "public: everyone can read it" if arguments.public else "private"
    print(f"{name} at {hub.address()}, {seen_by}, {'as it is there' if there else 'new'}\n\n{listed(files, gone)}\n")
    if not arguments.yes:
        ask(name)
    if hub.push(name, there, files, gone, arguments.public):
        print(f"publish: {hub.address()}/{name} has it")
    else:
        print(f"publish: {hub.address()}/{name} has all of it already; nothing was pushed")


def listed(files: Sequence[Upload], gone: Sequence[str]) -> str:
    """What will be pushed, and what will be removed there, in lines."""
    lines = [
        *(f"{file.size:>15,} B  {file.path}" for file in files),
        f"{sum(file.size for file in files):>15,} B  in {len(files)} files: no recording, no transcript",
        *(f"{'removed there':>17}  {path}" for path in gone),
        f"\nREADME.md is {CARD}: read it, it has the names and values of your CSV's categories.",
    ]
    return "\n".join(lines)


def ask(name: str) -> None:
    """Have a person say yes.

    Raises:
        DataError: when there is none, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise DataError("nothing was pushed, as nobody is there to ask: add --yes")
    if input(f"Push this to {name}? [y/N] ").strip().lower() not in ("y", "yes"):
        raise DataError("nothing was pushed")


def _repository(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name, re.ASCII):
        raise argparse.ArgumentTypeError(f"{name} is not of the form OWNER/NAME")
    return name


if __name__ == "__main__":
    main()
