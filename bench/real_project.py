"""The project in which bench.real runs the stages: params.yaml for a corpus and a model, and everything before training."""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from asr.base.entries import AudioEntry, Clip, TextEntry, read_texts
from asr.base.errors import DataError
from asr.base.files import read_json, read_rows, write_json, write_rows
from asr.base.hashes import code_version, fingerprint
from asr.model.description import describe
from asr.model.hub import commit_of
from bench.process import Cost, Ended, measure
from bench.settings import HOME
from stages.common.params import Yaml12Loader, read_yaml

STAGES = "validate split sets mix features_eval features_train base listen".split()
"""Before training."""

PREPARED = "prepared.json"
NOT_PREPARATION = ("train", "decode", "export", "usage")
"""Sections of params.yaml that change none of it."""

TABLES = (".csv", ".tsv")
CLIPS, SETS = Path("data/validated/clips.jsonl"), Path("data/sets")


@dataclass(frozen=True)
class Corpus:
    """What is compared on.

    Attributes:
        table: what data.csv would name, or a folder with one table in it.
        model: a checkpoint's folder, or its name on the hub.
        sets: further tables, by their names.
        clips: of each split and set at most; 0: all.
        lower: whether transcripts are put into small letters.
        params: keys of params.yaml and their values, as written.
    """

    table: str
    model: str
    sets: Mapping[str, str]
    clips: int
    lower: bool
    params: Mapping[str, str]

    def settings(self) -> dict[str, Any]:
        """The parameters: params.yaml but for the data, the model and what depends on it, the sets, and what was set."""
        settings = read_yaml(HOME / "params.yaml")
        table = table_of(self.table)
        settings["data"].update(csv=str(table), audio_root=str(table if table.is_dir() else table.parent))
        settings["model"]["name"] = str(Path(self.model).resolve()) if Path(self.model).is_dir() else self.model
        described = describe(settings["model"]["name"], commit_of(settings["model"]["name"], None))
        settings["features"]["n_mels"] = described.mels
        settings["filter"]["max_seconds"] = min(settings["filter"]["max_seconds"], described.window_seconds)
        settings["evaluate"]["sets"].update({name: str(table_of(path)) for name, path in self.sets.items()})
        for key, value in self.params.items():
            section, _, name = key.partition(".")
            if name not in settings.get(section, {}):
                raise DataError(f"--set-param {key}: params.yaml has no such key")
            settings[section][name] = yaml.load(value, Loader=Yaml12Loader)
        mixed = settings["train"]["mix"]
        mixed["csv"] = mixed["csv"] and str(Path(mixed["csv"]).resolve())
        return settings

    def facts(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All that determines what the stages before training write, large things by their hash."""
        kept = {name: values for name, values in settings.items() if name not in NOT_PREPARATION}
        places = [Path(settings["data"]["csv"]), *map(Path, self.sets.values())]
        return {
            "settings": kept,
            "mix": settings["train"]["mix"],
            "clips": self.clips,
            "lower": self.lower,
            "tables": [state_of(place) for place in places],
            "model": model_facts(settings["model"]["name"]),
            "code": code_version(sorted(path for name in ("asr", "stages") for path in (HOME / name).rglob("*.py")), ()),
        }


@dataclass(frozen=True)
class Project:
    """A folder with what the stages need, and the parameters as the corpus has them. Their caches are in it."""

    folder: Path
    settings: dict[str, Any]

    def run(self, module: str, *arguments: str) -> Ended:
        """Run a module there. What it says is shown."""
        command = (sys.executable, "-m", module, *arguments)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ASR_", "DVC_", "GIT_"))}
        return measure(command, self.folder, {**kept, "ASR_KEEP_RUNS": "0"}, shown=True)

    def write(self, settings: Mapping[str, Any]) -> None:
        """Write params.yaml."""
        (self.folder / "params.yaml").write_text(yaml.safe_dump(dict(settings)), encoding="utf-8")

    def costs(self) -> list[Cost]:
        """What each stage before training has cost."""
        return [Cost(**cost) for cost in read_json(self.folder / PREPARED)["stages"].values()]


def prepared(corpus: Corpus, scratch: Path) -> Project:
    """Make the project and run the stages before training, unless that is done."""
    settings = corpus.settings()
    facts = corpus.facts(settings)
    project = Project((scratch / "projects" / fingerprint(facts, [])).resolve(), settings)
    if (project.folder / PREPARED).exists():
        return project
    shutil.rmtree(project.folder, ignore_errors=True)  # what was found in a cache of shards would cost less
    (project.folder / "data").mkdir(parents=True)
    for name in ("asr", "stages", "bench", "data/general"):
        (project.folder / name).symlink_to(HOME / name)
    shutil.copy(HOME / "decisions.csv", project.folder)
    project.write(settings)
    costs = {}
    for stage in STAGES:
        print(f"bench.real: {stage}", file=sys.stderr)
        costs[stage] = asdict(project.run(f"stages.{stage}").cost)
        if stage == "validate" and corpus.lower:
            lower_transcripts(project.folder / CLIPS)
        if stage == "sets" and corpus.clips:
            cut_lists(project.folder, corpus.clips)
    write_json(project.folder / PREPARED, {"stages": costs})
    return project


def table_of(place: str) -> Path:
    """The table that data.csv would name: the file, the folder of a usual form, or the only table in any other folder."""
    path = Path(place).resolve()
    if not path.is_dir():
        return path
    tables = [each for each in path.iterdir() if each.suffix.lower() in TABLES]
    return tables[0] if len(tables) == 1 and not tables[0].name.startswith("metadata.") else path


def state_of(place: Path) -> str:
    """The hash of a table; of a folder, that of its files' names, sizes and times."""
    if not place.is_dir():
        return fingerprint({}, [place]) if place.exists() else ""  # the stage says what is wrong
    files = sorted(path for path in place.rglob("*") if path.is_file())
    stats = [(str(path.relative_to(place)), path.stat()) for path in files]
    return fingerprint({"files": [(name, found.st_size, found.st_mtime_ns) for name, found in stats]}, [])


def model_facts(name: str) -> str | None:
    """A checkpoint's hash, or its commit on the hub."""
    folder = Path(name)
    if not folder.is_dir():
        return commit_of(name, None)
    return fingerprint({}, sorted(path for path in folder.iterdir() if path.is_file()))


def lower_transcripts(file: Path) -> None:
    """Put the transcripts of the clips that the validate stage has listed into small letters."""
    write_rows(file, [replace(clip, text=clip.text.lower()) for clip in read_rows(file, Clip)])


def cut_lists(folder: Path, most: int) -> None:
    """Leave so many clips of each split and set, spread over the lists."""
    for split in ("train", "validation", "test"):
        for kind, entry in (("audio", AudioEntry), ("text", TextEntry)):
            file = folder / "data" / "splits" / kind / f"{split}.jsonl"
            write_rows(file, spread(read_rows(file, entry), most))
    for part in ("", "validation_"):
        texts = [text for rows in read_texts(folder / SETS / f"{part}text.jsonl").values() for text in spread(rows, most)]
        write_rows(folder / SETS / f"{part}text.jsonl", texts)
        kept = {text.id for text in texts}
        audio = folder / SETS / f"{part}audio.jsonl"
        write_rows(audio, [entry for entry in read_rows(audio, AudioEntry) if entry.id in kept])


def spread(rows: Sequence[Any], most: int) -> list[Any]:
    """At most so many rows, as far apart as can be."""
    return [rows[place * len(rows) // most] for place in range(most)] if len(rows) > most else list(rows)


def last_line(ended: Ended) -> dict[str, Any]:
    """The JSON that a module ends with."""
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found
