"""The bundled sample as a project of its own, its recordings under `dvc add`, and clones of it."""

import csv
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

import soundfile
import yaml

from bench.process import Ended, measure
from bench.project import HOME
from bench.servers import Remote
from stages.common.params import read_yaml

RECORDINGS = "recordings"
GAIN = 0.7
"""What makes a copied clip another clip: it is a little softer."""


@dataclass(frozen=True)
class Checkout:
    """A git clone with DVC; `more` is what its commands have in their environment."""

    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)

    def dvc(self, *command: str) -> Ended:
        """Run DVC."""
        return measure((sys.executable, "-m", "dvc", *command), self.folder, self._environment())

    def git(self, *command: str) -> Ended:
        """Run git."""
        return measure(("git", *command), self.folder, self._environment())

    def commit(self, message: str) -> None:
        """Commit all there is, be it nothing."""
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def use(self, remote: Remote) -> None:
        """Let DVC know a remote and its keys, here only."""
        self.dvc("remote", "add", "--local", remote.name, remote.url)
        for key, value in remote.settings.items():
            self.dvc("remote", "modify", "--local", remote.name, key, value)
        self.dvc("config", "--local", "core.remote", remote.name)

    def _environment(self) -> dict[str, str]:
        """Nothing of the caller's own settings; DVC's notes of remotes lie outside of a clone, so each has its place."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ASR_", "DVC_", "GIT_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        who = {f"GIT_{role}_{what}": "bench@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        home = {
            f"DVC_{name}": str(self.folder.with_name(f"{self.folder.name}.dvc"))
            for name in ("SITE_CACHE_DIR", "GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR")
        }
        return {**kept, **who, **home, **self.more, "PATH": path, "DVC_NO_ANALYTICS": "1", "HF_HUB_OFFLINE": "1"}


def make_developer(folder: Path) -> Checkout:
    """The project with the sample as one's own recordings, run once; one epoch, as only sizes are asked for."""
    for name in ("asr", "stages", "commands", "models/pico", "data/general"):
        shutil.copytree(HOME / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(HOME / "data" / "sample", folder / RECORDINGS)
    for name in ("dvc.yaml", "decisions.csv", ".dvcignore", ".gitignore"):
        shutil.copy(HOME / name, folder)
    params = read_yaml(HOME / "params.yaml")
    params["data"].update(csv=f"{RECORDINGS}/clips.csv", audio_root=RECORDINGS)
    params["train"].update(epochs=1)
    params["export"].update(max_wer_increase=None)  # after one epoch it would stop the run
    _write(folder, params)
    developer = Checkout(folder)
    developer.git("init", "--quiet", "--initial-branch", "main")
    developer.dvc("init", "--quiet")
    for key, value in (("core.autostage", "true"), ("cache.type", "hardlink,copy")):
        developer.dvc("config", key, value)
    developer.dvc("add", "--quiet", RECORDINGS)
    developer.commit("recordings")
    return developer


def clone(developer: Checkout, remote: Remote, folder: Path) -> Checkout:
    """A clean clone that has one remote."""
    developer.git("clone", "--quiet", str(developer.folder), str(folder))
    made = replace(developer, folder=folder, more=remote.environment)
    made.use(remote)
    return made


def set_rate(checkout: Checkout, rate: float) -> None:
    """Change the learning rate."""
    params = read_yaml(checkout.folder / "params.yaml")
    params["train"]["learning_rate"] = rate
    _write(checkout.folder, params)


def add_clips(checkout: Checkout, count: int) -> None:
    """More clips of the speaker of the first training clip, at the end of the CSV: his first ones, softer."""
    table = checkout.folder / RECORDINGS / "clips.csv"
    first = json.loads((checkout.folder / "data/splits/audio/train.jsonl").open(encoding="utf-8").readline())["path"]
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    speaker = next(row["speaker"] for row in rows if first.endswith(row["audios"]))
    of_speaker = [row for row in rows if row["speaker"] == speaker and (table.parent / row["audios"]).is_file()]
    added = StringIO()
    for number, row in enumerate(of_speaker[:count]):
        name = f"audios/softer{number}.mp3"
        samples, rate = soundfile.read(table.parent / row["audios"])
        soundfile.write(table.parent / name, GAIN * samples, rate)
        csv.DictWriter(added, list(row), lineterminator="\n").writerow({**row, "audios": name})
    text = table.read_text(encoding="utf-8")
    table.unlink()  # it may be a hard link into DVC's cache
    table.write_text(text + added.getvalue(), encoding="utf-8")
    checkout.dvc("add", "--quiet", RECORDINGS)


def objects(checkout: Checkout, place: str) -> set[str]:
    """The files of the recordings, or of the folders in `place` that stages write, as DVC's cache and remotes name them."""
    stages = read_yaml(checkout.folder / "dvc.lock")["stages"]
    outs = [out for stage in stages.values() for out in stage["outs"]] + read_yaml(checkout.folder / f"{RECORDINGS}.dvc")[
        "outs"
    ]
    listed: list[dict[str, Any]] = []
    for folder in outs:
        if not folder["path"].startswith(place) or not folder["md5"].endswith(".dir"):
            continue
        listed += json.loads((checkout.folder / ".dvc" / "cache" / _name(folder["md5"])).read_text(encoding="utf-8"))
    return {_name(entry["md5"]) for entry in listed}


def _name(md5: str) -> str:
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def _write(folder: Path, params: dict[str, Any]) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
