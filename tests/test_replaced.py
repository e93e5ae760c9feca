"""A clip that is replaced while validate runs: DVC has the hash of its new bytes, validate's list that of the old ones."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asr.base.entries import AudioEntry
from asr.base.files import read_rows
from asr.base.hashes import content_hash
from asr.features.clip import AS_RECORDED, Unusable, features_of
from asr.features.parameters import Features
from asr.shards.reader import StoredFeatures
from tests.project import environment, make_project, read_yaml
from tests.sounds import write_tone

pytestmark = pytest.mark.slow


def called(project: Path, command: str, is_to_fail: bool = False) -> str:
    """Run a line as a shell does, and give what it says on stderr."""
    result = subprocess.run(command, shell=True, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert (result.returncode != 0) == is_to_fail, result.stdout + result.stderr
    return result.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project under DVC, of which the stages before features have run."""
    project = make_project(tmp_path / "project", tmp_path / "project/data/sample")
    params = project / "params.yaml"
    params.write_text(params.read_text().replace(f"{project}/", ""))
    for command in ("git init --quiet", "dvc init --quiet", "dvc repro --quiet split sets"):
        called(project, command)
    return project


@pytest.mark.parametrize("listed", ["data/splits/audio/test.jsonl", "data/sets/audio.jsonl"])
def test_what_the_message_says_leads_to_features_of_the_new_sound(project: Path, listed: str) -> None:
    clip = read_rows(project / listed, AudioEntry)[0]
    write_tone(project / clip.path, seconds=2.5, hertz=700)
    called(project, "dvc commit --quiet --force validate sets")  # what DVC does when they end

    told = [called(project, "dvc repro features_eval", is_to_fail=True) for _ in range(2)]

    assert told[0].count(f"{clip.path}: changed since validate ran") == told[1].count(f"{clip.path}: changed since") == 1
    commands = re.findall("`(.*?)`", told[0].partition("changed since")[2])
    for command in commands:
        # As the Makefile has it, but for the stages after this one.
        called(project, command.replace("make repro", f"{sys.executable} -m commands.repro features_eval"))

    assert len(commands) == 2
    is_now = content_hash((project / clip.path).read_bytes())
    stored = [StoredFeatures(project / f"data/features/{name}", project) for name in ("validation", "test", "sets")]
    (new,) = [each for each in read_all(project) if each.audio_hash == is_now]
    (frames,) = [features[features.ids.index(new.id)] for features in stored if new.id in features.ids]
    settings = Features(**read_yaml(project / "params.yaml")["features"])
    entry = AudioEntry(new.id, str(project / new.path), is_now, new.seconds)
    (expected,) = features_of([entry], settings, AS_RECORDED)
    assert not isinstance(expected, Unusable)
    np.testing.assert_array_equal(frames, expected[0])


def read_all(project: Path) -> list[AudioEntry]:
    """Each clip of which there are to be features."""
    listed = [project / f"data/splits/audio/{name}.jsonl" for name in ("validation", "test")]
    return [clip for path in (*listed, project / "data/sets/audio.jsonl") for clip in read_rows(path, AudioEntry)]
