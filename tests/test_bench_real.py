"""The bench beside the guide's script: its tables from given rows, what it keeps, and the rows on the bundled sample."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments, WhisperFeatureExtractor

from asr.base.entries import AudioEntry, TextEntry
from asr.base.errors import DataError
from asr.base.files import write_json, write_rows
from asr.model.parameters import Model
from asr.model.whisper import load
from asr.tuning.weights import take, weights_of
from bench.process import Cost, Ended
from bench.real import made, printed
from bench.real_outcome import SUMMARY, TIMES, Heard, Kind, Outcome, Trained
from bench.real_project import Corpus, spread, table_of
from bench.real_rows import Rows
from bench.real_table import Found, by_kind, changes, ratio, rows_table, targets, text
from tests.project import ROOT
from tests.sounds import write_tiny_whisper, write_tone

CLIPS = [str(number) for number in range(6)]
SPEAKERS: list[str | None] = list("abcdef")
TEST = Heard(CLIPS, [5, 4, 6, 5, 4, 6], [10] * 6, SPEAKERS)  # 50 %
GENERAL = Heard(CLIPS, [1, 0, 0, 1, 0, 1], [50] * 6, SPEAKERS)  # 1 %
GUIDE = Trained(
    epochs=5.0, most_epochs=5, clips=100, training_seconds=500.0, validated_seconds=600.0, all_seconds=700.0,
    peak_rss=2_000_000_000, cuda_bytes=None, device="2 x AVX2", resumed=True, others_cores=0.25, more={},
)  # fmt: skip
OURS = replace(GUIDE, training_seconds=80.0, validated_seconds=100.0, all_seconds=140.0, resumed=False)


def row(
    kind: Kind, trained: Trained | None, test: list[int], general: list[int] = GENERAL.errors, seed: int | None = None
) -> Outcome:
    heard = {"test": replace(TEST, errors=test), "general": replace(GENERAL, errors=general), "validation": TEST}
    return Outcome(kind, seed, trained, heard)


def found(instead: Found = MappingProxyType({})) -> Found:
    rows: dict[Kind, list[Outcome]] = {
        "released": [row("released", None, TEST.errors)],
        "guide": [row("guide", GUIDE, [4, 4, 4, 4, 4, 4])],
        "ours": [row("ours", OURS, [3, 2, 3, 3, 3, 3], seed=1), row("ours", OURS, [3, 3, 3, 3, 4, 3], seed=2)],
    }
    return {**rows, **instead}


def test_a_line_a_model_and_one_for_the_mean_of_the_seeds() -> None:
    lines = [line.split() for line in rows_table(found()).splitlines()[2:]]

    assert lines[0] == "the released model - 50.00 40.99 to 59.90 1.00 50.00 - - - - - - - -".split()
    assert lines[1] == "the guide 5 of 5 40.00 - 1.00 50.00 500 600 700 1.00 2,000 2 x AVX2 yes 0.2".split()
    assert lines[2][:7] == "ours, seed 1 5 of 5 28.33".split()
    assert lines[3][:7] == "ours, seed 2 5 of 5 31.67".split()
    assert lines[4] == "ours, mean 5 of 5 30.00 26.77 to 33.42 1.00 50.00 80 100 140 6.25 2,000 2 x AVX2 no 0.2".split()


def test_a_change_is_in_points_and_in_percent_of_the_rate_before() -> None:
    by = {(each.model, each.base, each.test_set): each for each in changes(found())}

    assert list(by) == [
        ("guide", "released", "test"), ("guide", "released", "general"),
        ("ours", "released", "test"), ("ours", "released", "general"),
        ("ours", "guide", "test"),
    ]  # fmt: skip
    change = by["ours", "guide", "test"]
    assert change.points == -10.0
    assert change.percent == pytest.approx(-25.0)
    assert change.interval is not None
    assert change.percent_interval is not None
    assert change.percent_interval.low == pytest.approx(2.5 * change.interval.low)
    assert change.interval.low < -10.0 < change.interval.high < 0
    assert ratio(found(), "ours", "training") == 0.16
    assert ratio(found(), "ours", "all") == 0.2
    assert ratio(found(), "time", "all") is None


@pytest.mark.parametrize(
    ("instead", "met"),
    [
        ({}, [True, True, True, True]),  # 25 % lower, 0.16 x, 40 % lower, as good
        ({"ours": [row("ours", OURS, [3, 3, 3, 4, 4, 3])]}, [False, True, True, True]),  # 16.7 % lower
        ({"ours": [row("ours", replace(OURS, training_seconds=101.0), [3] * 6)]}, [True, False, True, True]),
        ({"released": [row("released", None, [4, 4, 4, 4, 4, 4])]}, [True, True, False, True]),
        ({"ours": [row("ours", OURS, [3] * 6, [1, 1, 0, 1, 1, 1])]}, [True, True, True, False]),  # 1.67 % of 300
        ({"guide": []}, [None, None, True, True]),
    ],
)
def test_targets_are_missed_when_they_are(instead: Found, met: list[bool | None]) -> None:
    rows = {kind: outcomes for kind, outcomes in found(instead).items() if outcomes}

    assert [target.met for target in targets(rows)] == met


def test_a_row_alone_is_compared_with_nothing() -> None:
    lines = text({"guide": found()["guide"]}).splitlines()

    assert [line.split()[0] for line in lines if line[:1].strip()] == ["WER", "the", "Targets", "test", "training", "test"]
    assert all(line.endswith("can't tell") for line in lines[-3:])


def test_ours_in_the_guides_time_has_as_many_epochs_as_fit_into_it() -> None:
    asked = list[tuple[int, int | None]]()

    def ours(seed: int, make: bool, epochs: int | None = None) -> Outcome:
        asked.append((seed, epochs))
        return row("ours" if epochs is None else "time", OURS, [3] * 6, seed=seed)

    rows: Any = SimpleNamespace(
        released=lambda make: None, guide=lambda epochs, make: found()["guide"][0], ours=ours, alone=lambda seed, make: None
    )

    there = made(rows, Namespace(rows=["time"], seeds=[7, 8], guide_epochs=5), [])

    assert asked == [(7, None), (8, None), (7, 31)]  # 500 s, at 16 s an epoch
    assert list(there) == ["guide", "ours", "time"]


def test_ours_is_not_given_the_seconds_of_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = replace(found()["guide"][0], trained=replace(GUIDE, device="one H200"))

    def ours(seed: int, make: bool, epochs: int | None = None) -> Outcome:
        assert epochs is None
        return row("ours", OURS, [3] * 6, seed=seed)

    rows: Any = SimpleNamespace(
        released=lambda make: None, guide=lambda epochs, make: None, ours=ours, alone=lambda seed, make: None
    )

    assert list(made(rows, Namespace(rows=["time"], seeds=[7], guide_epochs=5), [elsewhere])) == ["guide", "ours"]
    assert "time: left out, as it needs the rows guide and ours, of the same device" in capsys.readouterr().err


def test_rows_that_were_made_elsewhere_stand_in_for_those_that_are_not_here(tmp_path: Path) -> None:
    there = {kind: [asdict(each) for each in outcomes] for kind, outcomes in found().items()}
    (tmp_path / "printed.txt").write_text(f"tables\n{json.dumps({'rows': there})}\n")
    mine = row("ours", replace(OURS, device="2 x AVX512"), [2] * 6, seed=2)

    rows = by_kind([mine, None, *printed(tmp_path / "printed.txt")])

    assert {kind: [each.seed for each in outcomes] for kind, outcomes in rows.items()} == {
        "released": [None], "guide": [None], "ours": [2, 1],
    }  # fmt: skip
    assert rows["ours"][0] is mine
    assert rows["guide"] == found()["guide"]
    assert ratio(rows, "ours", "training") is None, "seconds of one machine are no multiple of another's"
    with pytest.raises(DataError, match="other test clips"):
        by_kind([mine, replace(mine, seed=3, heard={"test": replace(TEST, id=["a", *CLIPS[1:]])})])
    for other in ("tables", '{"rows": {"ours": [{"kind": "ours", "seed": 1, "trained": {"epochs": 5}, "heard": {}}]}}'):
        (tmp_path / "printed.txt").write_text(f"{other}\n")
        with pytest.raises(DataError, match=r"printed.txt: this is not what bench\.real prints"):
            printed(tmp_path / "printed.txt")


def test_seconds_of_before_a_stop_count_and_so_does_what_came_before_training() -> None:
    times = {
        "seconds": {"waiting": 1.0, "computing": 29.0, "validating": 8.0, "saving": 2.0},
        "before": {"waiting": 0.5, "computing": 14.5, "validating": 4.0, "saving": 1.0},
        "cuda_bytes": None,
        "device": "2 x AVX2",
        "epochs": 2.0,
        "most_epochs": 3,
    }

    trained = Trained.of(times, Cost(30.0, 30.0, 5), 7.0, 60, 0.0, False, [9, 4], {})

    assert (trained.training_seconds, trained.validated_seconds, trained.all_seconds) == (30.0, 40.0, 57.0)
    assert (trained.clips_per_second, trained.epoch_seconds, trained.peak_rss, trained.resumed) == (4.0, 15.0, 9, True)
    assert not Trained.of({**times, "before": {}}, Cost(30.0, 30.0, 5), 7.0, 60, 0.0, False, [], {}).resumed


def test_a_run_that_was_stopped_once_it_was_trained_has_the_seconds_of_its_training(tmp_path: Path) -> None:
    seconds = {"waiting": 1.0, "computing": 29.0, "validating": 8.0, "saving": 2.0}
    times = {"seconds": seconds, "before": {}, "cuda_bytes": None, "device": "2 x AVX2", "epochs": 2.0, "most_epochs": 2}
    write_json(tmp_path / TIMES, times)
    write_json(tmp_path / SUMMARY, {"clips": 60})
    project: Any = SimpleNamespace(
        folder=tmp_path, run=lambda *command: Ended(Cost(7.0, 7.0, 5), "", ""), costs=lambda: [Cost(3.0, 3.0, 9)]
    )

    trained = Rows(project, tmp_path)._tuned({"train": {"epochs": 2}})

    assert (trained.training_seconds, trained.all_seconds, trained.resumed) == (30.0, 50.0, True)


def test_the_clock_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.real_times import KeptTimes

    monkeypatch.chdir(tmp_path)
    args, control = TrainingArguments(str(tmp_path), use_cpu=True), TrainerControl()
    seconds = {"waiting": 1.0, "computing": 2.0, "validating": 3.0, "saving": 4.0}
    kept = {"KeptTimes": {"args": {}, "attributes": {"seconds": seconds}}}
    clock = KeptTimes()

    clock.on_train_begin(args, TrainerState(global_step=7, stateful_callbacks=kept), control)
    clock.on_step_begin()
    clock.on_train_end(args, TrainerState(epoch=1.5, num_train_epochs=2, global_step=8), control)

    told = json.loads((tmp_path / "times.json").read_text())
    assert (told["before"], told["epochs"], told["most_epochs"]) == (seconds, 1.5, 2)
    assert told["seconds"]["waiting"] > 1.0
    assert {**told["seconds"], "waiting": 1.0} == seconds
    assert clock.state()["attributes"]["seconds"] == told["seconds"]
    fresh = KeptTimes()
    fresh.on_train_begin(args, TrainerState(stateful_callbacks={"KeptTimes": fresh.state()}), control)
    assert fresh.before == {}


def test_the_guides_features_are_as_long_as_the_models_window() -> None:
    from bench.article_trainer import pad_to_window

    extractor = WhisperFeatureExtractor()

    pad_to_window(extractor, SimpleNamespace(config=SimpleNamespace(max_source_positions=300)))

    assert extractor(np.zeros(16_000), sampling_rate=16_000).input_features[0].shape == (80, 600)


def test_a_table_is_found_in_a_folder_that_has_no_other(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").touch()
    assert table_of(str(tmp_path)) == tmp_path / "clips.csv"
    (tmp_path / "more.csv").touch()
    assert table_of(str(tmp_path)) == tmp_path
    assert table_of(str(tmp_path / "more.csv")) == tmp_path / "more.csv"


def test_parameters_are_those_of_the_project_but_for_what_is_set() -> None:
    corpus = Corpus("data/sample", "models/pico", {"calls": "data/general"}, 0, False, {"train.epochs": "3"})

    settings = corpus.settings()

    assert settings["train"]["epochs"] == 3
    assert settings["data"]["csv"] == str(ROOT / "data/sample/clips.csv")
    assert settings["evaluate"]["sets"] == {"general": "data/general/clips.csv", "calls": str(ROOT / "data/general/clips.csv")}
    with pytest.raises(DataError, match=r"--set-param train\.epoch: params\.yaml has no such key"):
        replace(corpus, params={"train.epoch": "3"}).settings()


def test_general_speech_that_is_mixed_in_is_another_project() -> None:
    corpus = Corpus("data/sample", "models/pico", {}, 0, False, {})
    mixed = replace(corpus, params={"train.mix": "{csv: talk.csv, share: 0.1}"})

    facts, others = (each.facts(each.settings()) for each in (corpus, mixed))

    assert facts != others
    assert (facts["mix"]["csv"], others["mix"]["csv"]) == (None, str(Path("talk.csv").resolve()))


def test_few_clips_are_spread_over_the_list() -> None:
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(3), 4) == [0, 1, 2]


@pytest.mark.parametrize("file", sorted((ROOT / "bench/rows").iterdir()), ids=lambda file: file.name)
def test_rows_that_are_kept_can_be_shown_and_tell_no_path_of_the_machine_that_made_them(file: Path) -> None:
    kept = file.read_text(encoding="utf-8")

    assert list(json.loads(kept)) == ["rows"]
    assert '"/' not in kept
    assert printed(file)


@pytest.mark.slow  # for what it imports
def test_what_was_kept_of_the_base_is_taken_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.real_score import give_back

    folder = write_tiny_whisper(tmp_path / "model")
    whisper = load(str(folder), None, "transcribe")
    base = weights_of(whisper.model)
    take(whisper.model, {name: value + 0.8 for name, value in base.items()})
    (tmp_path / "metrics/train").mkdir(parents=True)
    (tmp_path / "metrics/train/summary.json").write_text('{"kept_of_base": 0.2}')
    monkeypatch.chdir(tmp_path)

    give_back(whisper, Model(name=str(folder), revision=None, language=None, task="transcribe"))

    for name, value in weights_of(whisper.model).items():
        torch.testing.assert_close(value, base[name] + 1)


@pytest.mark.slow  # for what it imports
def test_the_guide_gets_parts_of_files_as_files_and_whole_ones_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.guide_clips import recordings_of

    monkeypatch.chdir(tmp_path)
    clips = [("whole", "one.wav", None, None), ("first", "two.wav", 0.0, 0.5), ("second", "two.wav", 0.5, 1.25)]
    for name in ("one.wav", "two.wav"):
        write_tone(tmp_path / name)
    write_rows(
        Path("data/splits/audio/train.jsonl"), [AudioEntry(id, path, "", 1.0, start, end) for id, path, start, end in clips]
    )
    texts = [TextEntry("train", id, path, id, f"{id.upper()}!", None) for id, path, _, _ in clips]
    write_rows(Path("data/splits/text/train.jsonl"), texts)

    found = recordings_of("train", tmp_path / "cut")

    assert [each["text"] for each in found] == ["WHOLE!", "FIRST!", "SECOND!"]
    assert found[0]["path"] == "one.wav"
    assert [soundfile.info(each["path"]).duration for each in found[1:]] == [0.5, 0.75]


def bench(folder: Path) -> tuple[dict[str, Any], str]:
    options = ("--clips", "12", "--seeds", "1", "--guide-epochs", "1", "--set-param", "train.epochs=1", "--folder", str(folder))
    kinds = ("--rows", "released", "guide", "ours", "alone")
    command = [sys.executable, "-m", "bench.real", "data/sample", "--model", "models/pico", *options, *kinds]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ASR_WORKERS": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1]), result.stderr


@pytest.mark.slow
def test_all_rows_hear_the_same_clips_and_a_second_call_makes_none_anew(tmp_path: Path) -> None:
    first, said = bench(tmp_path)

    rows = first["rows"]
    assert list(rows) == ["released", "guide", "ours", "alone"]
    heard = [each["heard"] for outcomes in rows.values() for each in outcomes]
    assert {name: len(clips["id"]) for name, clips in heard[0].items()} == {"test": 12, "general": 12, "validation": 12}
    for name in heard[0]:
        assert all((each[name]["id"], each[name]["words"]) == (heard[0][name]["id"], heard[0][name]["words"]) for each in heard)
    guide, ours = (rows[kind][0]["trained"] for kind in ("guide", "ours"))
    assert (guide["clips"], guide["epochs"]) == (12, 1.0)
    assert (ours["clips"], ours["more"]["clips_without_speech"]) == (13, 1)
    for trained in (guide, ours):
        assert 0 < trained["training_seconds"] < trained["validated_seconds"] < trained["all_seconds"]
        assert not trained["resumed"]
    assert heard[1]["test"]["errors"] != heard[0]["test"]["errors"]
    assert "bench.real: guide\n" in said

    second, said = bench(tmp_path)

    assert second == first
    assert said == ""
