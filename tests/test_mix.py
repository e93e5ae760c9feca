"""Speech that is learned besides the training clips: its table, its share, what the base model hears in it."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

import stages.listen
import stages.mix
from asr.audio.fingerprint import fingerprint
from asr.base.entries import AudioEntry, Clip, HeardByBase, TextEntry
from asr.base.errors import DataError
from asr.base.files import read_rows, write_rows
from asr.base.hashes import content_hash
from asr.model.parameters import Decode
from asr.model.transcribe import Hypothesis
from asr.model.whisper import Whisper, load
from asr.recordings.splits import learned_besides
from asr.tables.row import Row
from asr.tables.table import ColumnNames, read_table
from asr.training.labels import label
from commands import estimate
from stages.examples import read_mix
from tests import test_features
from tests.project import ROOT, environment, make_project, read_yaml, run_stage
from tests.sounds import write_tiny_whisper, write_tone
from tests.speech import RATE, spoken
from tests.test_features import SETTINGS
from tests.test_sets import WORDS, divided, recorded

ANY_TEXT = ColumnNames(need_text=False)


def clip(number: int) -> Clip:
    return Clip(f"{number:016x}", number, f"{number}.wav", "0", 2.0, RATE, 1, "", None, {})


def test_of_a_table_as_many_clips_are_drawn_as_make_the_share_and_all_where_it_has_fewer() -> None:
    clips = [clip(number) for number in range(100)]

    drawn = learned_besides(clips, 0.1, trained=90)

    assert len(drawn) == 10
    assert drawn == sorted(drawn, key=lambda each: each.line)
    assert len(learned_besides(clips, 0.1, trained=98)) == 10  # an eleventh would be over a tenth of 109
    assert learned_besides(clips, 0.0, trained=90) == []
    assert learned_besides(clips, 0.9, trained=90) == clips


def test_clips_that_are_added_to_the_table_take_the_places_of_few() -> None:
    drawn = learned_besides([clip(number) for number in range(1000)], 0.1, trained=900)
    more = learned_besides([clip(number) for number in range(1010)], 0.1, trained=900)

    assert len(drawn) == len(more) == 100
    assert len({each.id for each in drawn} & {each.id for each in more}) >= 95
    assert [each.line for each in drawn] != list(range(100))


@pytest.mark.parametrize(
    ("files", "audio"),
    [
        ({"a.csv": "file,speaker\na.wav,anna\nb.wav,ben\n"}, ["a.wav", "b.wav"]),
        ({"a.csv": "file\na.wav\nb.wav\n"}, ["a.wav", "b.wav"]),
        ({"a.txt": "a.wav\nb.wav\n"}, ["a.wav", "b.wav"]),
        ({"a.jsonl": '{"audio": "a.wav"}\n{"audio": "b.wav"}\n'}, ["a.wav", "b.wav"]),
        ({"a/wav.scp": "one a.wav\ntwo b.wav\n"}, ["a.wav", "b.wav"]),
        ({"a/wav.scp": "whole a.wav\n", "a/segments": "one whole 0 2\ntwo whole 2 4\n"}, ["a.wav", "a.wav"]),
        ({"a/metadata.csv": "file_name\na.wav\nb.wav\n"}, ["a.wav", "b.wav"]),
    ],
    ids=["csv", "one column", "no line of names", "jsonl", "kaldi", "kaldi's segments", "audiofolder"],
)
def test_a_table_may_have_no_transcripts_where_none_are_needed(tmp_path: Path, files: dict[str, str], audio: list[str]) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    path = tmp_path / next(iter(files)).partition("/")[0]

    rows = read_table(path, ANY_TEXT, "auto", tmp_path / "unpacked").rows

    assert [(row.audio, row.text) for row in rows if isinstance(row, Row)] == [(name, "") for name in audio]
    assert len(rows) == len(audio)
    with pytest.raises(DataError):
        read_table(path, ColumnNames(), "auto", tmp_path / "unpacked")


def test_kaldis_utterances_that_text_lacks_have_no_transcript(tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text("one a.wav\ntwo b.wav\n")
    (tmp_path / "text").write_text("two hello\n")

    rows = read_table(tmp_path, ANY_TEXT, "auto", tmp_path / "unpacked").rows

    assert [(row.audio, row.text) for row in rows if isinstance(row, Row)] == [("b.wav", "hello"), ("a.wav", "")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as stages validate, split and sets leave it, and whose training clip makes room for 9 others."""
    divided(tmp_path, recorded(tmp_path))
    (tmp_path / "decisions.csv").write_text("dataset,path,reason,decision\n")
    params = read_yaml(ROOT / "params.yaml")
    params["train"]["mix"] = {"csv": "talk/clips.csv", "share": 0.9}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "talk").mkdir()
    (tmp_path / "data/sets").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASR_WORKERS", "1")
    return tmp_path


def mixed(project: Path, rows: Sequence[str], tested: Sequence[Clip] = ()) -> list[TextEntry]:
    """What is learned of these rows, where evaluate.sets have the clips `tested`."""
    (project / "talk/clips.csv").write_text("\n".join(["file,text", *rows]) + "\n")
    write_rows(project / "data/sets/clips.jsonl", tested)
    stages.mix.main()
    return read_rows(project / "data/mix/text.jsonl", TextEntry)


def rejects(project: Path) -> list[tuple[str, str, str]]:
    with (project / "data/mix/rejects.csv").open(newline="") as file:
        return [(row["dataset"], row["line"], row["reason"]) for row in csv.DictReader(file)]


def test_rows_without_a_transcript_are_used_and_every_row_that_is_not_is_listed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, seconds in enumerate((2.0, 2.5, 0.5)):
        write_tone(project / f"talk/{number}.wav", seconds=seconds, hertz=300 + 50 * number)
    soundfile.write(project / "talk/silent.wav", np.zeros(2 * RATE), RATE)

    said = mixed(project, ["0.wav,", "1.wav,Hello  Wörld", "2.wav,", "silent.wav,", "gone.wav,", "0.wav,<|en|>"])

    assert [(row.dataset, row.text, row.raw_text) for row in said] == [("mix", "", ""), ("mix", "Hello Wörld", "Hello  Wörld")]
    assert [row.path for row in read_rows(project / "data/mix/audio.jsonl", AudioEntry)] == ["talk/0.wav", "talk/1.wav"]
    assert rejects(project) == [
        ("train.mix", "4", "not over 1 s"),
        ("train.mix", "5", "silence"),
        ("train.mix", "6", "file not found"),
        ("train.mix", "7", "special token in the transcript"),
    ]
    summary = json.loads((project / "data/mix/summary.json").read_text())
    assert (summary["rows"], summary["clips"], summary["learned"], summary["without_transcript"]) == (6, 2, 2, 1)
    assert sum(summary["rejected"].values()) == 4
    assert (
        "mix: 2 of 6 rows are usable; all are learned, at most the share 0.9 that train.mix.share asks for, beside 1 training "
        "clips; 1 without a transcript, which the base model will hear\n" in capsys.readouterr().err
    )


def test_copies_of_what_is_tested_are_left_out_and_those_of_training_clips_are_not(project: Path) -> None:
    general = spoken((1, 4, 2, 0, 5, 5))
    known = Clip(
        "f" * 16, 2, "data/general/1.wav", "f" * 32, 1.5, RATE, 1, "a", None, {}, fingerprint=fingerprint(general, RATE)
    )
    shutil.copy(project / "calls/test.wav", project / "talk/0.wav")
    soundfile.write(project / "talk/1.flac", 0.3 * spoken(WORDS["validation"]), RATE)
    soundfile.write(project / "talk/2.wav", 0.5 * general, RATE)
    shutil.copy(project / "calls/train.wav", project / "talk/3.wav")

    said = mixed(project, ["0.wav,", "0.wav,", "1.flac,a sentence", "2.wav,", "3.wav,"], [known])

    assert [row.path for row in said] == ["talk/3.wav"]
    assert rejects(project) == [
        ("train.mix", "2", "in test, too"),
        ("train.mix", "3", "in test, too"),
        ("train.mix", "4", "in validation, too"),
        ("train.mix", "5", "in evaluate.sets, too"),
    ]


def test_a_warning_about_a_row_can_be_overruled(project: Path) -> None:
    loud = np.clip(20 * spoken(WORDS["test"], speaker=3, take=5), -1, 1)
    soundfile.write(project / "talk/0.wav", loud, RATE)
    write_tone(project / "talk/1.wav")
    assert [row.path for row in mixed(project, ["0.wav,", "1.wav,"])] == ["talk/1.wav"]
    ((dataset, _, reason),) = rejects(project)

    shutil.rmtree(project / "data/mix/unpacked")
    (project / "decisions.csv").write_text(f"dataset,path,reason,decision\n{dataset},0.wav,{reason},keep\n")

    assert [row.path for row in mixed(project, ["0.wav,", "1.wav,"])] == ["talk/0.wav", "talk/1.wav"]


def stored(names: Sequence[str], texts: Sequence[str], folder: str = "data/features/mix") -> list[TextEntry]:
    """Features of a tone for each name, in the folder where the mix's are, and its row in the list of transcripts."""
    paths = [write_tone(Path(f"{name}.wav"), seconds=1.5 + place / 4) for place, name in enumerate(names)]
    clips = [AudioEntry(path.stem, str(path), content_hash(path.read_bytes()), 2.0) for path in paths]
    test_features.made(Path(folder), clips, SETTINGS)
    rows = [TextEntry("mix", name, f"{name}.wav", text, text, None) for name, text in zip(names, texts, strict=True)]
    write_rows(Path("data/mix/text.jsonl"), rows)
    return rows


def test_of_clips_without_a_transcript_what_the_base_model_writes_is_kept_and_loops_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    params = read_yaml(ROOT / "params.yaml")
    params["model"]["name"] = str(write_tiny_whisper(tmp_path / "model"))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    stored(["a", "b", "c", "d", "e"], ["", "said", "", "", ""])
    heard = [Hypothesis("so it is", False), Hypothesis("so so so", False, True), Hypothesis("so", True), Hypothesis("", False)]
    asked = []

    def hypotheses(whisper: Whisper, clips: Sequence[object], decode: Decode, languages: Sequence[str | None]) -> object:
        asked.append((len(clips), decode.num_beams, decode.temperature, languages))
        return heard

    monkeypatch.setattr("asr.model.transcribe.transcribe", hypotheses)

    stages.listen.main()

    assert read_rows(Path("data/mix/heard.jsonl"), HeardByBase) == [
        HeardByBase("a", "so it is"),
        HeardByBase("c", "so so so", "in a loop"),
        HeardByBase("d", "so", "cut off at the limit of tokens"),
        HeardByBase("e", "", "nothing written"),
    ]
    assert asked == [(4, 1, 0.0, [None] * 4)]
    assert capsys.readouterr().err.endswith(
        "listen: 1 of 4 clips without a transcript are learned as heard; left out 1: cut off at the limit of tokens; "
        "left out 1: in a loop; left out 1: nothing written\n"
    )


def test_where_there_is_nothing_to_hear_no_torch_is_waited_for(tmp_path: Path) -> None:
    write_rows(tmp_path / "data/mix/text.jsonl", [])
    code = "import sys, stages.listen; stages.listen.main(); sys.exit('torch' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(PYTHONPATH=str(ROOT)), check=True)

    assert (tmp_path / "data/mix/heard.jsonl").read_bytes() == b""


def test_training_reads_transcripts_and_what_was_heard_and_leaves_out_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    stored(["a", "b", "c"], ["", "said", ""])
    write_rows(Path("data/mix/heard.jsonl"), [HeardByBase("a", "heard"), HeardByBase("c", "so so so", "in a loop")])

    examples, texts = read_mix(whisper, Path("data/features/cache"))

    assert examples.labels == [label(whisper.tokenizer, text) for text in ("heard", "said")]
    assert [(text.id, text.text) for text in texts] == [("a", "heard"), ("b", "said")]
    assert len(examples.frames) == 2


def test_the_estimate_counts_them_and_gives_those_without_a_transcript_that_of_a_training_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    write_rows(Path("data/splits/text/train.jsonl"), [TextEntry("train", "t", "t.wav", "as trained", "", None)])
    write_rows(Path("data/mix/audio.jsonl"), [AudioEntry(name, "", "", seconds) for name, seconds in (("a", 1.0), ("b", 0.5))])
    write_rows(
        Path("data/mix/text.jsonl"),
        [TextEntry("mix", name, "", text, text, None) for name, text in (("a", ""), ("b", "x"))],
    )

    examples = estimate.mixed_in(whisper, copies=2)

    assert [len(frames) for frames in examples.frames] == [101, 101, 51, 51]
    assert examples.labels[1:3] == [label(whisper.tokenizer, "as trained"), label(whisper.tokenizer, "x")]
    write_rows(Path("data/mix/audio.jsonl"), [])
    write_rows(Path("data/mix/text.jsonl"), [])
    assert len(estimate.mixed_in(whisper, copies=2)) == 0


@pytest.mark.slow
def test_what_is_mixed_in_is_checked_heard_by_the_base_model_and_learned(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    shutil.rmtree(project / "models/pico")
    shutil.copytree(ROOT / "models/pico", project / "models/pico")
    params = read_yaml(project / "params.yaml")
    params["train"].update(mix={"csv": "talk", "share": 0.5})
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    for stage in ("validate", "split", "sets"):
        assert run_stage(stage, project).returncode == 0
    tested = read_rows(project / "data/splits/audio/test.jsonl", AudioEntry)[0].path
    general = csv.DictReader((ROOT / "data/general/clips.csv").open(newline=""))
    first, second, third = [row for row in general if soundfile.info(ROOT / "data/general" / row["audios"]).duration < 3][:3]
    (project / "talk").mkdir()
    rows = ["file_name,transcription", f"{first['audios']},", f"{second['audios']},", f"{third['audios']},as written"]
    for row in (first, second, third):
        path = project / "talk" / row["audios"]
        path.parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "data/general" / row["audios"], path)
    shutil.copy(project / tested, project / "talk/copy.wav")
    (project / "talk/metadata.csv").write_text("\n".join([*rows, "copy.wav,"]) + "\n")

    said = {}
    for stage in ("mix", "features_eval", "features_train", "base", "listen", "train"):
        result = run_stage(stage, project)
        assert result.returncode == 0, result.stderr
        said[stage] = result.stderr

    assert rejects(project) == [("train.mix", "5", "in test, too")]
    heard = read_rows(project / "data/mix/heard.jsonl", HeardByBase)
    assert [row.left_out for row in heard] == ["", ""]
    assert [bool(row.text) for row in heard] == [True, True]
    assert "features of mix: 3 clips, 3 computed, 0 dropped" in said["features_train"]
    assert ", 3 mixed in\n" in said["train"]
    assert json.loads((project / "metrics/train/summary.json").read_text())["clips_mixed_in"] == 3
