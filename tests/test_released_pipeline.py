"""The whole pipeline on a checkpoint such as each of the released ones, whose weights are random and few."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.project import STAGES, make_project, read_yaml
from tests.test_pipeline import call, metrics
from tools.make_released import RELEASED, make_released

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


# large-v3 is turbo with more layers, and small goes through in tests/test_many_languages.py.
@pytest.mark.parametrize("name", ["tiny.en", "large-v3-turbo"])
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
    call(project, sys.executable, "-m", "commands.check")

    call(project, sys.executable, "-c", ALL_STAGES, *STAGES)

    scored = {model: metrics(project, model)["clips"] for model in ("baseline", "evaluate", "export")}
    assert set(scored.values()) == {metrics(project, "data")["clips"]["test"]}
    for folder in ("models/pico", "models/whisper", "models/export"):
        prepared = json.loads((project / folder / "preprocessor_config.json").read_text())
        assert prepared["feature_size"] == released.mels
    tuned, base = (
        json.loads((project / f"models/{model}/generation_config.json").read_text()) for model in ("whisper", "pico")
    )
    kept = ("lang_to_id", "no_timestamps_token_id", "prev_sot_token_id", "max_length")
    assert {key: tuned.get(key) for key in kept} == {key: base.get(key) for key in kept}
    assert tuned["begin_suppress_tokens"] == []
    assert tuned.get("language") == params["model"]["language"]
