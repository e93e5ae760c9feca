"""What the split stage writes and says."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import yaml
from soundfile import write as write_wav

from asr.base.entries import AudioEntry, Clip, ColumnsEntry, TextEntry
from asr.base.files import read_rows, write_rows
from asr.base.text import Normalization
from asr.model.limits import Pace
from asr.model.transcribe import Hypothesis
from asr.model.whisper import load
from asr.report.slices import slices
from asr.scoring.evaluation import predictions
from asr.training.labels import examples_of, without_speech
from stages.common.pace import read_pace
from stages.report import read_columns
from stages.split import CLIPS, OUT, main
from stages.validate import main as validate
from tests.project import ROOT, read_yaml, tree
from tests.sounds import write_tiny_whisper, write_tone
from tests.test_splits import clip


def divide(
    clips: list[Clip],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: Mapping[str, str] = MappingProxyType({}),
    **split: Any,
) -> dict[str, Any]:
    """Run the stage in a folder of its own; its summary."""
    monkeypatch.chdir(folder)
    params = read_yaml(ROOT / "params.yaml")
    params["split"].update(split)
    params["text"].update(text)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    write_rows(CLIPS, clips)
    main()
    summary: dict[str, Any] = json.loads((OUT / "summary.json").read_text())
    return summary


def said(number: int, split: str, speaker: str, text: str = "") -> Clip:
    return replace(clip(number, speaker, text or f"sentence {number}"), extra={"split": split})


GIVEN = [
    said(1, "train", "ada", "Good morning!"),
    said(2, "train", "bo"),
    said(3, "dev", "cy", "good morning"),
    said(4, "test", "ada", "good morning"),
    said(5, "test", "di"),
    said(6, "", "ed"),
    said(7, "test", "flo", "short"),
]


def test_the_summary_says_what_is_given_and_what_splits_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = divide(GIVEN, tmp_path, monkeypatch)

    assert found == {
        "joined": 0,
        "dropped": {"no split given": 1, "under 6 characters": 1},
        "given": ["train", "validation", "test"],
        "clips": {"train": 2, "validation": 1, "test": 2},
        "without_speech": 0,
        "groups": {"train": 2, "validation": 1, "test": 2},
        "speakers": {"train": 2, "validation": 1, "test": 2},
        "hours": {"train": 0.0011, "validation": 0.0006, "test": 0.0011},
        "speakers_in_two_splits": {"speakers": 1, "clips": 2},
        "shared_sentences": {"validation": 1.0, "test": 0.5},
        "letters_lost_percent": 0.0,
    }


def test_the_log_says_what_is_given_and_what_splits_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    divide(GIVEN, tmp_path, monkeypatch)

    assert capsys.readouterr().err.splitlines() == [
        "split: 2 train, 1 validation, 2 test; dropped 1: no split given; dropped 1: under 6 characters",
        "split: train, validation and test are as column split says",
        "split: speakers in two splits or more: 1, with 2 clips",
        "split: 50.0 % of the test clips have a sentence that is in train, too",
    ]


def test_the_log_says_what_normalized_labels_change_with_ten_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [said(number, "", f"{number}", f"as it is learned {chr(97 + number)}") for number in range(3)]
    clips = [said(number, "", f"{number}", f"No. {number} says Hello!") for number in range(3, 15)]
    divide([*kept, *clips, said(15, "", "15", "No. 3 says Hello!")], tmp_path, monkeypatch, text={"labels": "normalized"})
    lines = [line for line in capsys.readouterr().err.splitlines() if "->" in line or "changes" in line]

    assert lines[0] == "split: text.labels normalized changes 13 of 16 transcripts"
    assert lines[1:] == [f"split:   'No. {number} says Hello!' -> 'no {number} says hello'" for number in range(3, 13)]


def test_the_log_says_nothing_of_labels_that_are_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    divide(GIVEN, tmp_path, monkeypatch)

    assert "text.labels" not in capsys.readouterr().err


def test_the_log_says_what_is_drawn_beside_a_given_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = divide([said(0, "test", "x"), *(said(number, "", f"{number}") for number in range(1, 9))], tmp_path, monkeypatch)

    assert found["given"] == ["test"]
    assert "split: test is as column split says; train and validation are drawn from the other clips" in capsys.readouterr().err


def test_drawn_splits_are_given_by_nobody_and_a_doubtful_column_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = divide([said(number, ("train", "tset")[number % 2], f"{number}") for number in range(9)], tmp_path, monkeypatch)

    assert (found["given"], found["speakers_in_two_splits"]["speakers"]) == ([], 0)
    told = capsys.readouterr().err
    assert "split: column split is passed over, as line 1 says tset" in told
    assert "speakers in two splits" not in told


def test_copies_are_warned_of_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = [replace(each, fingerprint="ff" * 32) for each in GIVEN[1:5:3]]

    divide([*GIVEN[:1], *GIVEN[2:4], *copied], tmp_path, monkeypatch, near_same="warn")

    assert "split: 1 pair of clips in two splits sound like copies of one recording" in capsys.readouterr().err


def test_the_pace_is_that_of_the_fastest_training_clips_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [
        *(replace(said(number, "train", f"ada{number}", "a" * 31), seconds=2.0) for number in range(2)),
        replace(said(8, "validation", "cy", "b" * 50), seconds=2.0),
        replace(said(9, "test", "di", "c" * 100), seconds=2.0),
    ]
    divide(clips, tmp_path, monkeypatch)

    assert json.loads((OUT / "pace.json").read_text()) == {"bytes_per_second": 20}
    assert read_pace() == Pace(20)


def test_a_column_that_only_the_report_reads_changes_no_list_but_its_own_and_cuts_the_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [clip(number, f"speaker {number}") for number in range(40)]
    written = []
    for name, extra in (("without", [{}, {}]), ("with", [{"accent": "north"}, {"accent": "south"}])):
        (tmp_path / name).mkdir()
        divide([replace(each, extra=extra[each.line % 2]) for each in clips], tmp_path / name, monkeypatch, test_share=0.4)
        written.append(tree(OUT))

    assert written[0].keys() == written[1].keys()
    assert [path for path, content in written[0].items() if content != written[1][path]] == ["columns.jsonl"]
    texts = read_rows(OUT / "text/test.jsonl", TextEntry)
    heard = [Hypothesis(text.text, is_cut_off=False) for text in texts]
    rows = predictions("test", texts, [2.0] * len(texts), heard, Normalization("none"))
    south = sum(int(text.path.removesuffix(".wav")) % 2 for text in texts)
    assert [(each.value, each.clips) for each in slices(rows, read_columns()) if each.kind == "accent"] == [
        ("north", len(texts) - south), ("south", south),
    ]  # fmt: skip
    assert {row.id for row in read_rows(OUT / "columns.jsonl", ColumnsEntry)} == {text.id for text in texts}


def test_a_row_that_is_marked_goes_from_the_table_to_training_with_nothing_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    params = read_yaml(ROOT / "params.yaml")
    params["data"].update(csv="clips.csv", audio_root=".", max_reject_share=0.5)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    for number in range(25):
        write_tone(Path(f"{number}.wav"), hertz=100 + 10 * number)
    write_wav("silence.wav", np.zeros(32_000), 16_000)
    rows = [f"{number}.wav,{'' if number >= 22 else 'good morning'},speaker {number}" for number in range(25)]
    Path("clips.csv").write_text("\n".join(["audios,transcription,speaker", *rows, "silence.wav,,nobody"]) + "\n")
    Path("decisions.csv").write_text(
        "dataset,path,reason,decision\n,22.wav,empty transcript,no speech\n,silence.wav,empty transcript,no speech\n"
    )

    validate()
    main()

    validated, divided = (json.loads(Path(f"data/{name}/summary.json").read_text()) for name in ("validated", "splits"))
    assert (validated["rejected"], validated["without_speech"]) == ({"empty transcript": 2}, 2)
    assert validated["rows"] == 26 == 2 + sum(divided["clips"].values()) + sum(divided["dropped"].values())
    assert divided["without_speech"] == 2
    texts = read_rows(OUT / "text/train.jsonl", TextEntry)
    assert [(row.path, row.text, row.raw_text) for row in texts[-2:]] == [("22.wav", "", ""), ("silence.wav", "", "")]
    assert [row.path for row in read_rows(OUT / "audio/train.jsonl", AudioEntry)] == [row.path for row in texts]
    others = [*read_rows(OUT / "text/validation.jsonl", TextEntry), *read_rows(OUT / "text/test.jsonl", TextEntry)]
    assert all(row.text for row in others)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    frames = [np.zeros((200, 80), np.float16)] * len(texts)
    examples = examples_of(whisper, frames, texts)
    assert without_speech(examples) == {len(texts) - 2, len(texts) - 1}
    assert examples.labels[-1] == whisper.tokenizer("").input_ids
    said = capsys.readouterr().err
    assert "validate: 24 of 26 rows are usable, 2 of them without speech" in said
    assert (
        "2 of them may teach the model to write nothing: those for which you write no speech into the column decision of"
        in said
    )
    assert "split: 2 of the training clips are without speech, as decisions.csv says" in said
