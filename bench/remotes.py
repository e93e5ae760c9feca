"""What travels between a project and a remote of DVC, counted: a folder, S3 (moto over HTTP) and SSH (an sshd on loopback).

The bundled sample, its recordings added by `dvc add`, is pushed and pulled for the first time, with nothing changed, with
another learning rate, and with 1 % more clips; then a clean clone trains with a rate that nobody has trained with. Then what
`verify` costs. As the last line one JSON object with every figure. See bench/README.md.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.process import CommandError
from bench.sample import RECORDINGS, Checkout, add_clips, clone, make_developer, objects, set_rate
from bench.servers import SSHD, Remote, Written, files_of, opened
from bench.tables import aligned

KINDS = ("folder", "s3", "ssh")
NEW_CLIPS = 5


@dataclass(frozen=True)
class Moved:
    """What went one way: files that were written at the other end, their bytes, and how many are recordings and features."""

    files: int
    bytes: int
    recordings: int
    features: int


@dataclass(frozen=True)
class Row:
    """A change, and what went to a remote and from it to another clone; `pushed` is None where that clone pushed nothing."""

    case: str
    remote: str
    pushed: Moved | None
    pulled: Moved


@dataclass(frozen=True)
class Verified:
    """The first `dvc pull` of everything, with the remote's `verify` or without."""

    remote: str
    verify: bool
    seconds: float
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.remotes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = [kind for kind in KINDS if kind != "ssh" or SSHD]
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds, help="of remotes (all that can run here)")
    parser.add_argument("--rounds", type=int, default=3, help="pulls with and without verify; the fastest counts (%(default)s)")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            run(tuple(options.kinds), options.rounds, Path(scratch))
    except CommandError as error:
        sys.exit(f"bench.remotes: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def run(kinds: tuple[str, ...], rounds: int, scratch: Path) -> None:
    say("the pipeline's first run")
    developer = make_developer(scratch / "developer")
    with opened(kinds, scratch / "remotes") as remotes:
        rows = [told(row) for row in measure_rows(developer, remotes, scratch)]
        verified = [
            measure_verify(developer, remote, verify, rounds, scratch) for remote in remotes for verify in (False, True)
        ]
    print(moved_table(rows))
    print(verified_table(verified))
    print(json.dumps({"moved": [asdict(row) for row in rows], "verified": [asdict(pull) for pull in verified]}))


def measure_rows(developer: Checkout, remotes: Sequence[Remote], scratch: Path) -> Iterator[Row]:
    """The developer changes something, runs the pipeline, pushes to each remote, and a colleague of each pulls."""
    colleagues = [clone(developer, remote, scratch / f"colleague {remote.name}") for remote in remotes]
    developer = replace(developer, more={key: value for remote in remotes for key, value in remote.environment.items()})
    for remote in remotes:
        developer.use(remote)
    changes: list[tuple[str, Callable[[Checkout], None]]] = [
        ("the first time", lambda _: None),
        ("nothing changed", lambda _: None),
        ("another learning rate", lambda checkout: set_rate(checkout, 5e-4)),
        (f"{NEW_CLIPS} new clips", lambda checkout: add_clips(checkout, NEW_CLIPS)),
    ]
    for case, change in changes:
        say(case)
        change(developer)
        developer.dvc("repro", "--quiet")
        developer.commit(case)
        for remote, colleague in zip(remotes, colleagues, strict=True):
            colleague.git("pull", "--quiet")
            before, had = remote.files(), held(colleague)
            developer.dvc("push", "--quiet", "--run-cache", "--remote", remote.name)
            colleague.dvc("pull", "--quiet", "--run-cache", "--remote", remote.name)
            pushed, pulled = moved(developer, before, remote.files()), moved(developer, had, held(colleague))
            yield Row(case, remote.name, pushed, pulled)
    for remote in remotes:
        say(f"a clean clone trains, {remote.name}")
        yield Row("a clean clone trains", remote.name, None, measure_training(developer, remote, scratch))


def measure_training(developer: Checkout, remote: Remote, scratch: Path) -> Moved:
    """What a clean clone pulls to train with a rate that nobody has tried: what it has, did not make, and the remote has."""
    trainer = clone(developer, remote, scratch / f"trainer {remote.name}")
    set_rate(trainer, 2e-4)
    trainer.dvc("repro", "--quiet", "--pull", "--allow-missing", "train")
    pulled = remote.files().keys() - objects(trainer, "models/whisper")
    return moved(developer, {}, {path: written for path, written in held(trainer).items() if path in pulled})


def measure_verify(developer: Checkout, remote: Remote, verify: bool, rounds: int, scratch: Path) -> Verified:
    """The fastest of the first pulls of clean clones."""
    say(f"pulls with{'' if verify else 'out'} verify, {remote.name}")
    costs = []
    for number in range(rounds):
        puller = clone(developer, remote, scratch / f"puller {remote.name} {verify} {number}")
        puller.dvc("remote", "modify", "--local", remote.name, "verify", str(verify).lower())
        costs.append(puller.dvc("pull", "--quiet").cost)
    fastest = min(costs, key=lambda cost: cost.cpu_seconds)
    return Verified(remote.name, verify, fastest.seconds, fastest.cpu_seconds)


def held(checkout: Checkout) -> dict[str, Written]:
    """What DVC's cache holds, named as a remote names it."""
    return files_of(checkout.folder / ".dvc" / "cache")


def moved(developer: Checkout, before: dict[str, Written], after: dict[str, Written]) -> Moved:
    """What is there now and was not, or was written again."""
    new = {path for path, written in after.items() if written != before.get(path)}
    recordings, features = objects(developer, RECORDINGS), objects(developer, "data/features")
    return Moved(len(new), sum(after[path].size for path in new), len(new & recordings), len(new & features))


def moved_table(rows: Sequence[Row]) -> str:
    head = [
        "",
        "remote",
        *(f"{way} {what}" for way in ("pushed:", "pulled:") for what in ("files", "bytes")),
        "recordings",
        "features",
    ]
    return aligned(
        "1. What travels; the last two columns are pulled files",
        [head, *([row.case, row.remote, *_counts(row.pushed), *_counts(row.pulled), *_kinds(row.pulled)] for row in rows)],
        left=(0, 1),
    )


def _counts(what: Moved | None) -> list[str]:
    return ["-", "-"] if what is None else [f"{what.files:,}", f"{what.bytes:,}"]


def _kinds(what: Moved) -> list[str]:
    return [f"{what.recordings:,}", f"{what.features:,}"]


def verified_table(pulls: Sequence[Verified]) -> str:
    rows = [[pull.remote, "yes" if pull.verify else "no", f"{pull.seconds:.2f}", f"{pull.cpu_seconds:.2f}"] for pull in pulls]
    return aligned(
        "2. `dvc pull` of everything by a clean clone", [["remote", "verify", "seconds", "CPU seconds"], *rows], left=(0, 1)
    )


def told(row: Row) -> Row:
    """Say it at once, as the whole takes long."""
    say(f"{row.case}, {row.remote}: pulled {row.pulled.files:,} files, {row.pulled.bytes:,} bytes")
    return row


def say(what: str) -> None:
    print(f"bench.remotes: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
