"""Contents: the files that are pushed. Each is known by its name, so no recording or transcript is among them."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from asr.base.errors import DataError
from asr.base.files import reading
from asr.base.rates import Metric
from asr.model.checksums import SUMS, require_as_written
from asr.report.card import EXPORT_FOLDER, REPOSITORY, Contents, language_of, loading
from asr.scoring.predictions import parse_predictions
from stages.common.outdated import is_outdated
from stages.common.params import PARAMS, read_yaml

CARD = Path("metrics/card.md")
PREDICTIONS = Path("metrics/evaluate/predictions.jsonl")
README = "README.md"
FEWEST_WORDS = 4
"""Of a transcript that is looked for in the card. Fewer may stand there by chance."""
FEWEST_CHARACTERS = 8
"""Likewise, where words aren't parted by spaces."""


@dataclass(frozen=True)
class Kind:
    """A folder of which every file is known by its name. `needed`: without these it is nothing that could be loaded."""

    folder: Path
    weights: re.Pattern[str]
    needed: Set[str]
    others: Set[str]

    def knows(self, name: str) -> bool:
        """Whether such a folder has a file of this name."""
        return name in self.needed or name in self.others or self.weights.fullmatch(name) is not None


MODEL = Kind(
    Path("models/whisper"),
    re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors"),
    {"config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"},
    {
        "added_tokens.json", "merges.txt", "model.safetensors.index.json", "normalizer.json", "processor_config.json",
        "special_tokens_map.json", "tokenizer_config.json", "vocab.json", SUMS,
    },
)  # fmt: skip
EXPORT = Kind(
    Path("models/export"),
    re.compile(r"model\.bin"),
    {"config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"},
    {"vocabulary.json", "vocabulary.txt", SUMS},
)
PLACES: dict[Contents, dict[str, Kind]] = {
    "model": {"": MODEL},
    "export": {"": EXPORT},
    "both": {"": MODEL, f"{EXPORT_FOLDER}/": EXPORT},
}
"""What is put where in the repository."""


@dataclass(frozen=True)
class Upload:
    """A file: its path in the repository, its size in bytes, and where it is, or what is in it."""

    path: str
    size: int
    source: Path | bytes


def uploads(repository: str, contents: Contents, license_id: str | None) -> list[Upload]:
    """List what is to be pushed, the card first.

    Raises:
        DataError: when anything is missing, or isn't known to be harmless.
    """
    files = [
        Upload(f"{place}{path.name}", path.stat().st_size, path)
        for place, kind in PLACES[contents].items()
        for path in files_of(kind)
    ]
    readme = readme_of(repository, contents, license_id).encode()
    return [Upload(README, len(readme), readme), *files]


def files_of(kind: Kind) -> list[Path]:
    """The files of a folder.

    Raises:
        DataError: when one is missing or damaged, or is of a name that is not known.
    """
    found = sorted(path for path in kind.folder.rglob("*") if not path.is_dir()) if kind.folder.is_dir() else []
    names = [path.relative_to(kind.folder).as_posix() for path in found]
    if unknown := [name for name in names if not kind.knows(name)]:
        raise DataError(
            f"{kind.folder} holds what is no part of a model, and nothing is pushed before it is gone: {', '.join(unknown)}; "
            "it may be a recording or a transcript"
        )
    missing = sorted(kind.needed - set(names))
    if missing or not any(kind.weights.fullmatch(name) for name in names):
        what = ", ".join(missing) or "the weights"
        raise DataError(f"{kind.folder}: {what} not there; `make repro` makes it, `dvc pull {kind.folder}` fetches it")
    require_as_written(kind.folder)
    return found


def readme_of(repository: str, contents: Contents, license_id: str | None) -> str:
    """The card as it stands in the repository: with its name, how to load what is there, and the licence, if one is given.

    Raises:
        DataError: when there is no card, it can't be read, or has something in it that is nobody's business.
    """
    from huggingface_hub import ModelCard  # here, as --help needs none of it

    if is_outdated():
        raise DataError("the last run has not ended, so the model and its card may not belong together: run `make repro`")
    model = read_yaml(PARAMS)["model"]
    language, task = language_of(model), model["task"]
    try:
        written = CARD.read_text(encoding="utf-8")
        card = ModelCard(written)
    except FileNotFoundError as error:
        raise DataError(f"{CARD}: not there; `make repro` makes it, `dvc pull {CARD}` fetches it") from error
    except ValueError as error:
        raise DataError(f"{CARD}: not a model card ({error}); `dvc checkout {CARD}` brings it back") from error
    before, found, after = card.text.partition(loading(REPOSITORY, "both", language, task))
    if not found:
        raise DataError(f"{CARD} is not of these parameters and this code: run `make repro`")
    for what in private(written.replace(found, "")):
        raise DataError(f"{CARD} has in it what is to stay here, so nothing is pushed: {what}")
    card.text = f"{before}{loading(repository, contents, language, task)}{after}"
    card.data["model_name"], card.data["license"] = repository.rpartition("/")[2], license_id
    if contents == "export":
        card.data["library_name"] = "ctranslate2"
    return str(card)


def private(text: str) -> Iterator[str]:
    """Find folders of this machine, and paths and transcripts of the test sets, which the card is made from.

    Raises:
        DataError: when these are not there, or damaged.
    """
    yield from (str(folder) for folder in (Path.cwd(), Path.home()) if len(folder.parts) > 1 and str(folder) in text)
    try:
        with PREDICTIONS.open(encoding="utf-8") as lines, reading(PREDICTIONS):
            tested = parse_predictions(lines)
    except FileNotFoundError as error:
        raise DataError(
            f"{PREDICTIONS}: not there, and the card is compared with it; `dvc pull evaluate` fetches it"
        ) from error
    for rows in tested.values():
        for row in rows:
            if row.path in text:
                yield row.path
            said = (row.raw_reference, row.reference, row.raw_hypothesis, row.hypothesis)
            yield from (each for each in said if is_long(each, row.metric) and each in text)


def is_long(text: str, metric: Metric) -> bool:
    """Whether a text can't stand in the card by chance."""
    return len(text) >= FEWEST_CHARACTERS if metric == "CER" else len(text.split()) >= FEWEST_WORDS
