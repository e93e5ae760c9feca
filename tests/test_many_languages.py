"""The whole pipeline on clips in several languages: each is learned, heard and scored in its own.

The checkpoint is such as the released large-v3-turbo, whose weights are random and few.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.project import STAGES, make_project, read_yaml
from tests.test_pipeline import call, metrics
from tests.test_released_pipeline import ALL_STAGES, require_as_released
from tools.make_released import make_released

pytestmark = pytest.mark.slow

SAID = {"de": "Größe {}, bitte", "ja": "今日の番号は{}です", "en": "This is number {}."}


def test_clips_in_several_languages_go_through_every_stage(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "project/data/sample")
    shutil.rmtree(project / "models/pico")
    make_released("large-v3-turbo", project / "models/pico")
    csv = project / "data/sample/clips.csv"
    rows = [line.split(",")[0] for line in csv.read_text().splitlines()[1:31] if "missing" not in line]
    codes = [list(SAID)[number % 3] for number in range(len(rows))]
    lines = [
        f'{path},"{SAID[code].format(n)}",speaker {n % 10},{code}'
        for n, (path, code) in enumerate(zip(rows, codes, strict=True))
    ]
    csv.write_text("\n".join(["audios,transcription,speaker,language", *lines]) + "\n")
    params = read_yaml(project / "params.yaml")
    params["data"].update(csv="data/sample/clips.csv", audio_root="data/sample")
    params["evaluate"]["sets"] = {}
    params["features"]["n_mels"] = 128
    params["train"]["window"] = "pack"
    params["export"] = {"quantization": "int8", "max_wer_increase": None}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    call(project, sys.executable, "-c", ALL_STAGES, *STAGES)

    evaluated, trained, exported = (metrics(project, name) for name in ("evaluate", "train", "export"))
    assert (evaluated["metric"], trained["metric"], exported["metric"]) == ("mixed", "mixed", "mixed")
    assert evaluated["normalizer"] == "multilingual, whisper_english"
    languages = evaluated["slices"]["language"]
    assert {code: found["metric"] for code, found in languages.items()} == {"de": "WER", "en": "WER", "ja": "CER"}
    assert sum(found["words"] for found in languages.values()) == evaluated["words"]
    learned = (project / "data/splits/text/train.jsonl").read_text()
    assert "Größe 0, bitte" in learned or "Größe 3, bitte" in learned
    told = json.loads((project / "data/splits/languages.json").read_text())
    assert len(told) == evaluated["clips"] == exported["clips"]
    assert "error rate   95 %" in (project / "metrics/report.txt").read_text()
    require_as_released(project, mels=128)
