"""The whole pipeline on a checkpoint such as each of the released ones, whose weights are random and few."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.project import STAGES, make_project, read_yaml
from tests.test_pipeline import call, dvc, git, metrics, repro
from tools.make_released import RELEASED, make_released

pytestmark = pytest.mark.slow

CLIPS = 25
"""Few, as random weights never come to an end: what hears a clip writes all the tokens that there is room for."""


@pytest.mark.parametrize("name", list(RELEASED))
def test_a_released_checkpoint_goes_through_every_stage(name: str, tmp_path: Path) -> None:
    project, released = make_project(tmp_path / "project", tmp_path / "project/data/sample"), RELEASED[name]
    shutil.rmtree(project / "models/pico")
    make_released(name, project / "models/pico")
    csv = project / "data/sample/clips.csv"
    csv.write_text("".join(csv.read_text().splitlines(keepends=True)[:CLIPS]))
    params = read_yaml(project / "params.yaml")
    params["data"].update(csv="data/sample/clips.csv", audio_root="data/sample")
    params["features"]["n_mels"] = released.mels
    params["model"]["language"] = "en" if released.vocabulary.languages else None
    # Its text is random, and so is what int8 makes of it.
    params["export"] = {"quantization": "int8", "max_wer_increase": None}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    git(project, "init", "--quiet")
    dvc(project, "init", "--quiet")
    call(project, sys.executable, "-m", "commands.check")

    assert repro(project) == list(STAGES)

    scored = {model: metrics(project, model)["clips"] for model in ("baseline", "evaluate", "export")}
    assert set(scored.values()) == {metrics(project, "data")["clips"]["test"]}
    for folder in ("models/pico", "models/whisper", "models/export"):
        prepared = json.loads((project / folder / "preprocessor_config.json").read_text())
        assert prepared["feature_size"] == released.mels
    tuned, base = (
        json.loads((project / f"models/{model}/generation_config.json").read_text()) for model in ("whisper", "pico")
    )
    kept = ("lang_to_id", "no_timestamps_token_id", "prev_sot_token_id", "begin_suppress_tokens", "max_length")
    assert {key: tuned.get(key) for key in kept} == {key: base.get(key) for key in kept}
    assert tuned.get("language") == params["model"]["language"]
