"""What somebody gets who tunes a released Whisper on recordings of their own, beside the guide's script.

Rows: the released model; the guide's script (bench/guide.py); the pipeline with params.yaml as it is, once for each seed; the
first of these models without what it keeps of the base; and the pipeline with as many epochs as make it train for as long as
the guide. All are scored by the evaluate stage's code on the same features. See bench/README.md for what is measured and how.

What is done is kept in --folder: a second call with the same settings takes it from there, and one that was stopped goes on
from the last checkpoint. Nothing else should run meanwhile; each row says what did.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from math import floor
from pathlib import Path
from typing import get_args

from asr.base.entries import TEST_SPLIT
from asr.base.errors import DataError
from bench.process import CommandError
from bench.real_outcome import Kind, Outcome
from bench.real_project import Corpus, prepared
from bench.real_rows import Rows
from bench.real_table import VALIDATION, Found, by_kind, changes, targets, text
from stages.common.command import telling_errors


def main() -> None:
    """Make the rows that are asked for, and print the tables of all that there are."""
    arguments = parsed()
    corpus = Corpus(arguments.corpus, arguments.model, arguments.set, arguments.clips, arguments.lower, arguments.set_param)
    with telling_errors("bench.real"):
        try:
            beside = [outcome for file in arguments.beside for outcome in printed(file)]
            found = made(Rows(prepared(corpus, arguments.folder), arguments.folder), arguments, beside)
        except CommandError as error:
            sys.exit(f"bench.real: {error}")
    if not found:
        sys.exit("bench.real: row time needs the rows guide and ours, of the same device")
    print(f"{corpus.model} on {corpus.table}, {len(first(found).heard[TEST_SPLIT].id)} test clips\n")
    print(text(found))
    figures = {
        "bench": "real",
        "corpus": asdict(corpus),
        "rows": {kind: [asdict(outcome) for outcome in outcomes] for kind, outcomes in found.items()},
        "changes": [asdict(change) for change in changes(found)],
        "targets": [asdict(target) for target in targets(found)],
    }
    print(json.dumps(figures))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.real", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("corpus", help="a table of clips, or a folder in a form that data.csv takes, or with one table in it")
    add("--model", required=True, help="a checkpoint's folder, or its name on the hub")
    add("--set", nargs="+", default=[], metavar="NAME=TABLE", help="test sets of other speech, beside the bundled one")
    add("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of ours, a run for each (1 2 3)")
    add("--guide-epochs", type=int, default=5, help="(%(default)s)")
    add("--folder", type=Path, default=Path(".cache/real"), help="where all is done and kept (%(default)s)")
    add("--clips", type=int, default=0, help="of each split and set at most, for a look (all)")
    add(
        "--lower", action="store_true", help="put the transcripts into small letters, as capitals are hard to write for a model"
    )
    add("--set-param", nargs="+", default=[], metavar="KEY=VALUE", help="of params.yaml, such as train.epochs=3")
    add(
        "--rows", nargs="+", choices=get_args(Kind), default=get_args(Kind), help="to make (all); the others are shown if there"
    )
    add(
        "--beside", type=Path, nargs="+", default=[], metavar="FILE", help="what this printed elsewhere: rows that are not here"
    )
    arguments = parser.parse_args()
    for name in ("set", "set_param"):
        pairs = [pair.partition("=") for pair in getattr(arguments, name)]
        if not all(key and value for key, _, value in pairs):
            parser.error(f"--{name.replace('_', '-')}: give it as NAME=VALUE")
        setattr(arguments, name, {key: value for key, _, value in pairs})
    if VALIDATION in arguments.set:
        parser.error(f"--set: {VALIDATION} is the validation split's name: give the set another")
    return arguments


def made(rows: Rows, arguments: argparse.Namespace, beside: Sequence[Outcome]) -> Found:
    """The rows that are asked for, those that are there, and of those that were made elsewhere the ones that are not."""
    asked = arguments.rows
    first_seed, *seeds = arguments.seeds
    here = [
        rows.released("released" in asked),
        rows.guide(arguments.guide_epochs, "guide" in asked),
        rows.ours(first_seed, "ours" in asked),
        rows.alone(first_seed, "alone" in asked),  # before another seed's model is made in the place of this one
        *(rows.ours(seed, "ours" in asked) for seed in seeds),
    ]
    found = by_kind([*here, *beside])
    guide, ours = (found[kind][0].trained if kind in found else None for kind in ("guide", "ours"))
    if guide and ours and guide.device == ours.device:
        epochs = max(1, floor(guide.training_seconds / ours.epoch_seconds))
        return by_kind([*here, rows.ours(first_seed, "time" in asked, epochs), *beside])
    if "time" in asked:
        print("bench.real: time: left out, as it needs the rows guide and ours, of the same device", file=sys.stderr)
    return found


def printed(file: Path) -> list[Outcome]:
    """The rows in what this program has printed, whose last line has them all."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])["rows"]
        return [Outcome.parsed(row) for outcomes in rows.values() for row in outcomes]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"--beside {file}: this is not what bench.real prints: {error}") from error


def first(found: Found) -> Outcome:
    """Any row."""
    return next(iter(found.values()))[0]


if __name__ == "__main__":
    main()
