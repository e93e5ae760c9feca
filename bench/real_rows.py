"""The rows of bench.real, each made in the project and kept; what is kept is not made anew."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from asr.base.files import read_json, write_json
from asr.base.hashes import code_version, fingerprint
from bench.process import Ended
from bench.real_outcome import SUMMARY, TIMES, Heard, Kind, Outcome, Trained
from bench.real_project import Project, last_line, model_facts
from bench.settings import HOME

TRAINED = "trained.json"
GUIDE_CODE = ("article", "article_trainer", "guide", "guide_clips", "real_times")
SPLIT_LISTS = [Path("data/splits", kind, f"{split}.jsonl") for kind in ("audio", "text") for split in ("train", "validation")]
TUNED = Path("models/whisper")
NEVER_SCORED = ("train", "export", "usage")
"""Sections of params.yaml that don't change how a given model is scored."""


@dataclass(frozen=True)
class Rows:
    """The rows of a project, kept in `scratch`. Each method gives None where its row is not there and not to be made."""

    project: Project
    scratch: Path

    def released(self, make: bool) -> Outcome | None:
        """The model as it is."""
        return self._row("released", None, self.project.settings, None, make, lambda: None)

    def guide(self, epochs: int, make: bool) -> Outcome | None:
        """The guide's script."""
        learned = {"epochs": epochs, "code": guide_code()}
        folder = self._guide_folder(epochs)
        return self._row(
            "guide", None, self.project.settings, learned, make, lambda: self._guided(folder, epochs), folder / "model"
        )

    def ours(self, seed: int, make: bool, epochs: int | None = None) -> Outcome | None:
        """The train stage, with this seed, and with so many epochs in the place of those of params.yaml."""
        train = {**self.project.settings["train"], "seed": seed, **({} if epochs is None else {"epochs": epochs})}
        settings = {**self.project.settings, "train": train}
        kind: Kind = "ours" if epochs is None else "time"
        return self._row(kind, seed, settings, train, make, lambda: self._tuned(settings))

    def alone(self, seed: int, make: bool) -> Outcome | None:
        """The model of `ours` with this seed, made right before, without what it keeps of the base model."""
        settings = {**self.project.settings, "train": {**self.project.settings["train"], "seed": seed}}

        def tune() -> None:
            self._tuned(settings)

        return self._row("alone", seed, settings, settings["train"], make, tune)

    def _row(
        self, kind: Kind, seed: int | None, settings: dict[str, Any], learned: Any, make: bool,
        train: Callable[[], Trained | None], model: Path = TUNED,
    ) -> Outcome | None:  # fmt: skip
        """Find the row that is named by all it depends on, or train and score its model."""
        scored = {name: values for name, values in settings.items() if name not in NEVER_SCORED}
        facts = {"kind": kind, "settings": scored, "learned": learned, "project": self.project.folder.name}
        file = self.scratch / "rows" / f"{kind}-{fingerprint(facts, [])}.json"
        if file.exists():
            return Outcome.parsed(read_json(file))
        if not make:
            return None
        print(f"bench.real: {kind}{'' if seed is None else f', seed {seed}'}", file=sys.stderr)
        self.project.write(settings)
        trained = train()
        heard = last_line(self.project.run("bench.real_score", "ours" if kind == "time" else kind, str(model)))
        outcome = Outcome(kind, seed, trained, {name: Heard(**clips) for name, clips in heard.items()})
        write_json(file, asdict(outcome))
        return outcome

    def _guide_folder(self, epochs: int) -> Path:
        """Named by what the script itself depends on: the clips, the model and its own code, not that of the stages."""
        model = self.project.settings["model"]
        facts = {"epochs": epochs, "code": guide_code(), "model": [model, model_facts(model["name"])]}
        lists = [self.project.folder / path for path in SPLIT_LISTS]
        return (self.scratch / "guide" / fingerprint(facts, lists)).resolve()

    def _guided(self, folder: Path, epochs: int) -> Trained:
        """Run the script, unless it has come to its end."""
        file = folder / TRAINED
        if file.exists():
            return Trained(**read_json(file))
        folder.mkdir(parents=True, exist_ok=True)
        ended, others = self._watched("bench.guide", str(folder), str(epochs))
        said = last_line(ended)
        start = said["prepare_seconds"] if said["was_prepared"] else -said["cut_seconds"]
        trained = Trained.of(
            read_json(self.project.folder / TIMES), ended.cost, start, said["train_clips"], others, said["was_prepared"],
            [], said,
        )  # fmt: skip
        write_json(file, asdict(trained))
        return trained

    def _tuned(self, settings: dict[str, Any]) -> Trained:
        """Run the train stage, unless models/whisper is what it would come to."""
        file, name = self.project.folder / TRAINED, fingerprint(settings, [])
        if file.exists() and (kept := read_json(file))["name"] == name:
            return Trained(**kept["trained"])
        file.unlink(missing_ok=True)
        clock = self.project.folder / TIMES
        before = read_json(clock) if clock.exists() else None
        ended, others = self._watched("bench.real_times")
        summary, times = (read_json(path) for path in (self.project.folder / SUMMARY, clock))
        if times == before:  # a run that was stopped when it was trained, and has only chosen what it keeps of the base model
            times["before"] = times["seconds"]
        costs = self.project.costs()
        trained = Trained.of(
            times, ended.cost, sum(cost.seconds for cost in costs), summary["clips"], others, False,
            [cost.peak_rss for cost in costs], summary,
        )  # fmt: skip
        write_json(file, {"name": name, "trained": asdict(trained)})
        return trained

    def _watched(self, module: str, *arguments: str) -> tuple[Ended, float]:
        """Run a module in the project; gives also how many cores other processes kept busy meanwhile."""
        before, start = busy_seconds(), time.perf_counter()
        ended = self.project.run(module, *arguments)
        others = (busy_seconds() - before - ended.cost.cpu_seconds) / (time.perf_counter() - start)
        return ended, round(max(others, 0.0), 2)


def busy_seconds() -> float:
    """CPU seconds that all processes of the machine have had since it was started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def guide_code() -> str:
    """What the script does, as a hash."""
    return code_version([HOME / "bench" / f"{name}.py" for name in GUIDE_CODE], ())
