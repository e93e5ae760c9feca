"""The check before anything runs: all that would stop a stage later, each with its parameter."""

import json
from pathlib import Path
from typing import Any

import pytest

from asr.base.errors import DataError
from asr.base.versions import HEARING, versions
from asr.machine import gpu
from asr.machine.gpu import Observed
from asr.model.description import Description, describe, mistakes
from asr.model.parameters import Model
from commands.check import (
    Params,
    main,
    missing_places,
    moved_times,
    other_versions,
    problems,
    tables,
    undeclared_model,
    unsuitable_device,
    unsuitable_model,
    unusable_sounds,
    unusable_tables,
)
from commands.tracking import Elsewhere
from stages.common.machine import Machine
from tests.project import ROOT, read_yaml
from tests.sounds import write_tiny_whisper, write_tone

HERE = Elsewhere()
"""Nothing is elsewhere: there is no remote."""
RELEASED = Description(mels=80, window_seconds=30.0, is_multilingual=False)
MODEL = Model(name="openai/whisper-tiny.en", revision=None, language=None, task="transcribe")


def params(**sections: dict[str, Any]) -> Params:
    """Those that are shipped, with these keys changed."""
    values = read_yaml(ROOT / "params.yaml")
    return Params.model_validate({name: {**keys, **sections.get(name, {})} for name, keys in values.items()})


def features_train_with(*deps: str) -> dict[str, object]:
    return {"stages": {"features_train": {"deps": list(deps)}}}


def test_what_is_shipped_has_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert list(problems(params(), Machine(), read_yaml(ROOT / "dvc.yaml"), HERE)) == []


def test_all_problems_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_whisper(tmp_path / "models" / "pico", multilingual=True)
    text = (ROOT / "params.yaml").read_text()
    for old, new in (("n_mels: 80", "n_mels: 128"), ("precision: auto", "precision: fp16")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "params.yaml").write_text(text)
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())

    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    with pytest.raises(DataError) as stopped:
        main()

    assert [*capsys.readouterr().err.splitlines(), *str(stopped.value).splitlines()] == [
        "check: models/pico is multilingual and model.language is null: each clip has to have its own",
        "params.yaml: data.csv: data/sample/clips.csv does not exist",
        "params.yaml: data.audio_root: data/sample does not exist",
        "params.yaml: evaluate.sets.general: data/general/clips.csv does not exist",
        "params.yaml: features.n_mels is 128, the model takes 80: set features.n_mels to 80",
        "params.yaml: filter.max_seconds lets clips of 30 s through, the model's window is 4 s: set filter.max_seconds to 4 "
        "(times augment.tempo_min, where that is used)",
        "params.yaml: export.quantization: faster-whisper knows windows of 30 s only, the model's is 4 s: set it to null",
        "params.yaml: train.precision is fp16, which needs a GPU: set auto, bf16 or fp32",
    ]


def test_the_audio_root_may_hold_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "clips.csv").touch()
    data = params(data={"csv": "data/clips.csv"}).data

    assert list(missing_places(data, HERE)) == ["data.audio_root: data/sample does not exist"]
    (said,) = missing_places(data.model_copy(update={"audio_root": "data"}), HERE)
    assert said.startswith("data.audio_root: data holds data/validated, which a stage writes")


def test_a_base_model_in_a_folder_must_be_a_dependency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    deps = {"listen": ["mine"], "train": ["models/pico"], "baseline": ["models/pico", "mine"]}
    pipeline = {"stages": {stage: {"deps": names} for stage, names in deps.items()}}

    assert list(undeclared_model("openai/whisper-small.en", pipeline)) == []
    assert list(undeclared_model("mine", pipeline)) == [
        "model.name: add mine to the deps of train in dvc.yaml, so that a change is seen"
    ]


@pytest.mark.parametrize("name", ["room", "background"])
def test_a_folder_of_sounds_must_be_a_dependency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_tone(tmp_path / "sounds" / "street" / "a.wav")
    augment = params(augment={f"{name}_probability": 0.5, f"{name}_folder": "sounds/street/"}).augment

    assert list(unusable_sounds(augment, features_train_with("asr/features", "sounds/other"), HERE)) == [
        f"augment.{name}_folder: add sounds/street/ to the deps of features_train in dvc.yaml, so that a change is seen"
    ]
    for dep in ("sounds/street", "./sounds", f"${{augment.{name}_folder}}"):
        assert list(unusable_sounds(augment, features_train_with(dep), HERE)) == []
    off = augment.model_copy(update={f"{name}_probability": 0.0, "non_speech_share": 0.0})
    assert list(unusable_sounds(off, features_train_with(), HERE)) == []


def test_a_folder_of_background_sounds_must_be_a_dependency_where_clips_without_speech_are_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tone(tmp_path / "sounds" / "a.wav")
    augment = params(augment={"background_folder": "sounds", "non_speech_share": 0.1}).augment

    assert list(unusable_sounds(augment, features_train_with("sounds"), HERE)) == []
    assert list(unusable_sounds(augment, features_train_with(), HERE)) == [
        "augment.background_folder: add sounds to the deps of features_train in dvc.yaml, so that a change is seen"
    ]


def test_a_folder_without_sounds_is_found(tmp_path: Path) -> None:
    augment = params(augment={"room_probability": 0.5, "room_folder": str(tmp_path)}).augment

    (said,) = unusable_sounds(augment, features_train_with(str(tmp_path)), HERE)
    assert said.startswith(f"augment.room_folder: {tmp_path} holds no audio")


def test_test_sets_must_be_there_in_folders_of_their_own_that_are_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data/general/clips.csv", "calls/clips.csv", "data/clips.csv"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()

    def told(csv: str) -> list[str]:
        pipeline = {"stages": {"sets": {"deps": ["data/general", "asr/recordings"]}}}
        return list(unusable_tables(tables(params(evaluate={"sets": {"calls": csv}})), pipeline, HERE))

    assert told("data/general/clips.csv") == []
    assert told("calls/clip.csv") == ["evaluate.sets.calls: calls/clip.csv does not exist"]
    assert told("calls/clips.csv") == [
        "evaluate.sets.calls: add calls to the deps of sets in dvc.yaml, so that a change is seen"
    ]
    assert told("data/general") == []
    assert told("calls") == told("calls/clips.csv")
    assert told("data/clips.csv")[0].startswith("evaluate.sets.calls: data holds data/validated, which a stage writes")


def test_the_table_that_is_mixed_in_must_be_there_in_a_folder_that_is_a_dependency_of_its_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk/clips.csv").touch()

    def told(csv: str | None, *deps: str) -> list[str]:
        changed = params(train={"mix": {"csv": csv, "share": 0.1}}, evaluate={"sets": {}})
        return list(unusable_tables(tables(changed), {"stages": {"mix": {"deps": list(deps)}}}, HERE))

    assert told(None) == told("talk/clips.csv", "talk") == []
    assert told("talk/clips.csv") == ["train.mix.csv: add talk to the deps of mix in dvc.yaml, so that a change is seen"]
    assert told("talk/clip.csv", "talk") == ["train.mix.csv: talk/clip.csv does not exist"]


@pytest.mark.parametrize(
    ("timestamps", "trim", "tempo", "told"),
    [
        ("drop", 30.0, 0.5, []),
        ("keep", None, 0.0, []),
        ("keep", None, 0.5, ["set augment.tempo_probability to 0"]),
        ("keep", 30.0, 0.5, ["set features.trim_below_peak_db to null and augment.tempo_probability to 0"]),
    ],
)
def test_nothing_may_move_what_timestamps_point_at(timestamps: str, trim: float | None, tempo: float, told: list[str]) -> None:
    changed = params(
        text={"timestamps": timestamps}, features={"trim_below_peak_db": trim}, augment={"tempo_probability": tempo}
    )

    assert [said.partition(": ")[2].partition(": ")[2] for said in moved_times(changed)] == told


def test_a_model_is_described_without_loading_it(tmp_path: Path) -> None:
    write_tiny_whisper(tmp_path / "english", n_mels=128)
    write_tiny_whisper(tmp_path / "multilingual", multilingual=True, window_seconds=6)

    assert describe(str(tmp_path / "english")) == Description(128, 4.0, is_multilingual=False)
    assert describe(str(tmp_path / "multilingual")) == Description(80, 6.0, is_multilingual=True)


def test_a_model_that_is_not_to_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')

    def told(name: str) -> str:
        (said,) = unsuitable_model(params(model={"name": name}), HERE)
        return said

    assert told("nobody/nothing").startswith("model.name nobody/nothing: not a folder, nor to be had from the hub (")
    assert "the folder holds no Whisper that can be read" in told(str(tmp_path / "empty"))
    assert told(str(tmp_path / "bert")).endswith("its config.json is not a Whisper's; choose one that is")


def test_a_clip_must_fit_the_models_window_however_slow_it_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(write_tiny_whisper(tmp_path, window_seconds=10))

    def told(**augment: float) -> list[str]:
        changed = params(model={"name": name}, augment=augment, filter={"max_seconds": 9.5}, export={"quantization": None})
        return list(unsuitable_model(changed, HERE))

    assert told() == told(tempo_min=0.9) == told(tempo_min=0.96, tempo_probability=0.5) == []
    assert told(tempo_min=0.9, tempo_probability=0.5)[0].startswith("filter.max_seconds lets clips of 10.5556 s through")
    assert "check: filter.max_seconds drops clips from 9.5 s on; the model's window holds 10 s" in capsys.readouterr().err


def test_what_does_not_suit_a_model_is_named_with_its_parameter() -> None:
    multilingual = Description(mels=128, window_seconds=30.0, is_multilingual=True)

    assert list(mistakes(RELEASED, MODEL, n_mels=80, longest_seconds=30.0)) == []
    assert list(mistakes(RELEASED, MODEL.model_copy(update={"language": "nl"}), 80, 30.0)) == [
        "model.name openai/whisper-tiny.en is English-only: set model.language to null and model.task to transcribe"
    ]
    assert [said.split(" ")[0] for said in mistakes(multilingual, MODEL, n_mels=80, longest_seconds=31.0)] == [
        "features.n_mels", "filter.max_seconds",
    ]  # fmt: skip


def test_what_the_device_lacks_is_told_unless_a_cluster_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.training.optimizer.find_spec", lambda name: None)
    train = params(train={"precision": "fp16", "optimizer": "adamw_8bit"}).train
    here, there = Machine(), Machine(engine="ray", train_ranks=2)

    assert [said.split(" ")[0] for said in unsuitable_device(train, here)] == ["train.precision", "train.optimizer"]
    assert list(unsuitable_device(train, there)) == []


def test_other_versions_of_packages_are_told_for_each_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    now = versions(HEARING)
    for stage, recorded in (("baseline", now), ("evaluate", {**now, "torch": "1.0"})):
        (tmp_path / "metrics" / stage).mkdir(parents=True)
        (tmp_path / "metrics" / stage / "scores.json").write_text(json.dumps({"versions": recorded}))

    assert list(other_versions()) == [
        f"evaluate was made with other packages: torch 1.0 -> {now['torch']}; `dvc repro -f -s evaluate` makes it anew"
    ]


def test_what_a_remote_has_need_not_be_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings.dvc").touch()
    changed = params(
        data={"csv": "recordings/clips.csv", "audio_root": "recordings"},
        evaluate={"sets": {"calls": "recordings/calls/clips.csv"}},
        augment={"room_probability": 0.5, "room_folder": "recordings/rooms"},
        model={"name": "recordings/model"},
    )
    read = ("listen", "train", "baseline", "sets", "features_train")
    pipeline = {"stages": {stage: {"deps": ["recordings", "recordings/model"]} for stage in read}}

    assert list(problems(changed, Machine(), pipeline, Elsewhere("storage"))) == []
    said = [problem.partition(":")[0] for problem in problems(changed, Machine(), pipeline, HERE)]
    assert said == ["data.csv", "data.audio_root", "evaluate.sets.calls", "augment.room_folder", "model.name recordings/model"]
    remedy = "recordings.dvc tracks it, so set a default remote to fetch it from (docs/remotes.md)"
    assert list(missing_places(changed.data, HERE)) == [
        f"data.csv: recordings/clips.csv does not exist; {remedy}",
        f"data.audio_root: recordings does not exist; {remedy}",
    ]


def test_a_link_to_a_folder_among_the_audio_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("recordings", "sets/calls", "rooms", "elsewhere"):
        Path(name).mkdir(parents=True)
    for file in ("recordings/clips.csv", "sets/calls/clips.csv", "rooms/hall.wav"):
        Path(file).touch()
    changed = params(
        data={"csv": "recordings/clips.csv", "audio_root": "recordings"},
        evaluate={"sets": {"calls": "sets/calls/clips.csv"}},
        augment={"room_probability": 0.5, "room_folder": "rooms"},
    )
    pipeline = {"stages": {"sets": {"deps": ["sets"]}, "features_train": {"deps": ["rooms"]}}}

    def told() -> list[str]:
        looks = (
            missing_places(changed.data, HERE),
            unusable_tables(tables(changed), pipeline, HERE),
            unusable_sounds(changed.augment, pipeline, HERE),
        )
        return [said for look in looks for said in look]

    assert told() == []
    for folder in ("recordings", "sets/calls", "rooms"):
        Path(folder, "more").symlink_to(tmp_path / "elsewhere")
    assert told() == [
        f"{key}: {folder}/more is a link to a folder, into which DVC doesn't look: put the folder itself there, or a copy"
        for key, folder in (
            ("data.audio_root", "recordings"),
            ("evaluate.sets.calls", "sets/calls"),
            ("augment.room_folder", "rooms"),
        )
    ]


def test_a_required_gpu_that_is_absent_stops_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(gpu, "DRIVER", tmp_path / "version")
    monkeypatch.setattr(gpu, "DEVICES", tmp_path)
    monkeypatch.setattr(gpu, "observe", Observed)

    main()
    monkeypatch.setenv("ASR_REQUIRE_GPU", "true")
    with pytest.raises(DataError, match="but no GPU's driver is here"):
        main()
