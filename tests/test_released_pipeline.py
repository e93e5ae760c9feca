"""The whole pipeline on a checkpoint such as the released tiny.en, whose weights are random and few."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project import STAGES, make_project, read_yaml
from tests.test_pipeline import call, metrics
from tools.make_released import make_released

pytestmark = pytest.mark.slow

ALL_STAGES = """
import runpy, sys
for stage in sys.argv[1:]:
    sys.argv = [f"stages/{stage}.py"]
    runpy.run_module(f"stages.{stage}", run_name="__main__")
"""
"""In one process, as each of its own would take longer to import torch than to do its work."""

CLIPS = 25
"""Few, as random weights never come to an end: what hears a clip writes all the tokens that there is room for."""


# large-v3-turbo goes through in tests/test_many_languages.py.
def test_a_released_checkpoint_goes_through_every_stage(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "project/data/sample")
    shutil.rmtree(project / "models/pico")
    make_released("tiny.en", project / "models/pico")
    csv = project / "data/sample/clips.csv"
    csv.write_text("".join(csv.read_text().splitlines(keepends=True)[:CLIPS]))
    params = read_yaml(project / "params.yaml")
    params["data"].update(csv="data/sample/clips.csv", audio_root="data/sample")
    params["model"]["language"] = None
    # Its text is random, and so is what int8 makes of it.
    params["export"] = {"quantization": "int8", "max_wer_increase": None}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    call(project, sys.executable, "-m", "commands.check")

    call(project, sys.executable, "-c", ALL_STAGES, *STAGES)

    scored = {model: metrics(project, model)["clips"] for model in ("baseline", "evaluate", "export")}
    assert set(scored.values()) == {metrics(project, "data")["clips"]["test"]}
    require_as_released(project, mels=80)
    assert not of_model(project, "whisper", "generation_config").get("language")


def require_as_released(project: Path, mels: int) -> None:
    """What the tuned model and its export say of themselves is what the base model says."""
    for model in ("pico", "whisper", "export"):
        assert of_model(project, model, "preprocessor_config")["feature_size"] == mels
    tuned, base = (of_model(project, model, "generation_config") for model in ("whisper", "pico"))
    kept = ("lang_to_id", "no_timestamps_token_id", "prev_sot_token_id", "max_length")
    assert {key: tuned.get(key) for key in kept} == {key: base.get(key) for key in kept}
    assert tuned["begin_suppress_tokens"] == []


def of_model(project: Path, model: str, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((project / "models" / model / f"{name}.json").read_text())
    return values
