"""The sets stage and what is asked of evaluate.sets before anything runs."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from asr.base.entries import read_texts
from asr.base.errors import DataError
from asr.base.sections import parse
from commands.check import Evaluate
from tests.project import make_project, read_yaml, run_stage


def evaluate_sets(project: Path, **sets: str) -> None:
    params = read_yaml(project / "params.yaml")
    params["evaluate"]["sets"] = sets
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def test_every_row_of_every_set_is_accounted_for(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    (project / "data/general/few.csv").write_text("file,text,accent\n1.wav,a sentence of a few,north\n../x.wav,outside,south\n")
    evaluate_sets(project, general="data/general/clips.csv", few="data/general/few.csv")

    told = run_stage("sets", project)

    assert told.returncode == 0, told.stderr
    summary = json.loads((project / "data/sets/summary.json").read_text())
    assert summary["general"] == {
        "rows": 6, "rejected": {"file not found": 1}, "dropped": {}, "clips": 5, "speakers": 0,
        "hours": summary["general"]["hours"],
    }  # fmt: skip
    assert (summary["few"]["rows"], summary["few"]["rejected"]) == (2, {"path outside audio_root": 1})
    assert len((project / "data/sets/audio.jsonl").read_text().splitlines()) == 5  # the sound that both share, once
    texts = read_texts(project / "data/sets/text.jsonl")
    assert [(row.text, row.extra) for row in texts["few"]] == [("a sentence of a few", {"accent": "north"})]
    with (project / "data/sets/rejects.csv").open(newline="") as file:
        rejects = [(row["dataset"], row["line"], row["remedy"]) for row in csv.DictReader(file)]
    assert sorted(rejects) == [
        ("few", "3", "give it relative to the folder of its table"),
        ("general", "2", "check the name and the folder of its table"),
    ]


def test_a_set_without_a_usable_row_is_an_error_that_names_it(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    (project / "data/general/few.csv").write_text("file,text\ngone.wav,a sentence\n0.wav,short\n")
    evaluate_sets(project, few="data/general/few.csv")

    told = run_stage("sets", project)

    assert told.returncode == 1
    assert told.stderr.endswith(
        "sets: evaluate.sets.few: none of data/general/few.csv's 2 rows is usable (1 file not found, 1 under 6 characters)\n"
    )


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"Clean": "a.csv"}, r"sets\.Clean: String should match pattern"),
        ({"clean": None}, r"sets\.clean: Input should be a valid string, got None"),
        ({"test": "a.csv"}, r"sets: test is the test split's name: give the set another"),
    ],
)
def test_a_wrong_set_is_named(sets: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(Evaluate, {"sets": sets, "max_regression": None}, "params.yaml")
