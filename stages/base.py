"""Find out which commit of the hub the base model is, once for train and baseline.

Reads params.yaml alone; writes models/base.json, with no commit for a model in a folder. DVC runs it when a key under `model`
changes, so a branch that moves on in the meantime changes no result; `dvc repro -f base` asks anew.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys

from asr.model.hub import commit_of
from asr.model.parameters import Model
from stages.common.commit import BASE, keep_commit
from stages.common.params import StageParams, read_params


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Model


def main() -> None:
    """Ask, and write it down."""
    model = read_params(Params).model
    commit = commit_of(model.name, model.revision)
    keep_commit(model, commit)
    if commit:
        print(f"base: {model.name} is commit {commit}", file=sys.stderr)


if __name__ == "__main__":
    run("base", main, writes=(BASE,))
