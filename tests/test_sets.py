"""The sets stage and what is asked of evaluate.sets before anything runs."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from scipy.signal import resample_poly

from asr.audio.fingerprint import fingerprint
from asr.base.copies import Copy, read_copies
from asr.base.entries import Clip, TextEntry, audio_entries, read_texts
from asr.base.errors import DataError
from asr.base.files import write_rows
from asr.base.hashes import content_hash
from asr.base.sections import parse
from asr.recordings.groups import set_apart
from commands.check import Evaluate
from tests.project import make_project, read_yaml, run_stage
from tests.speech import RATE, spoken

WORDS = {"train": (0, 3, 1, 4, 2, 5), "validation": (5, 1, 1, 0, 3, 2), "test": (2, 2, 4, 0, 5, 1)}
"""The syllables of a recording in each split."""


def divided(project: Path, recordings: Sequence[Clip] = ()) -> None:
    """As stages validate and split leave the project; the split of a recording is its transcript."""
    write_rows(project / "data/validated/clips.jsonl", recordings)
    for split in WORDS:
        rows = audio_entries(clip for clip in recordings if clip.text == split)
        write_rows(project / f"data/splits/audio/{split}.jsonl", rows)


def recorded(project: Path) -> list[Clip]:
    """A wav of each split, in a folder of its own."""
    clips = []
    for line, (split, syllables) in enumerate(WORDS.items(), start=2):
        path = project / f"calls/{split}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, spoken(syllables), RATE)
        heard = content_hash(path.read_bytes())
        known = fingerprint(spoken(syllables), RATE)
        clips.append(Clip(heard[:16], line, f"calls/{split}.wav", heard, 1.5, RATE, 1, split, None, {}, fingerprint=known))
    return clips


def evaluate_sets(project: Path, **sets: str) -> None:
    params = read_yaml(project / "params.yaml")
    params["evaluate"]["sets"] = sets
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def test_every_row_of_every_set_is_accounted_for(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    (project / "data/general/few.csv").write_text("file,text,accent\n1.wav,a sentence of a few,north\n../x.wav,outside,south\n")
    evaluate_sets(project, general="data/general/clips.csv", few="data/general/few.csv")
    divided(project)

    told = run_stage("sets", project)

    assert told.returncode == 0, told.stderr
    summary = json.loads((project / "data/sets/summary.json").read_text())
    assert summary["general"] == {
        "rows": 6, "rejected": {"file not found": 1}, "dropped": {}, "chosen_by": 0, "clips": 5, "speakers": 0,
        "hours": summary["general"]["hours"],
    }  # fmt: skip
    assert (summary["few"]["rows"], summary["few"]["rejected"]) == (2, {"path outside audio_root": 1})
    assert read_copies(project / "data/sets/copies.csv") == []
    assert "trained on" not in told.stderr
    assert len((project / "data/sets/audio.jsonl").read_text().splitlines()) == 5  # the sound that both share, once
    texts = read_texts(project / "data/sets/text.jsonl")
    (few,) = texts["few"]
    assert few == TextEntry("few", few.id, "data/general/1.wav", "a sentence of a few", "a sentence of a few", None)
    with (project / "data/sets/rejects.csv").open(newline="") as file:
        rejects = [(row["dataset"], row["line"], row["remedy"]) for row in csv.DictReader(file)]
    assert sorted(rejects) == [
        ("few", "3", "give it relative to the folder of its table"),
        ("general", "2", "check the name and the folder of its table"),
    ]


def test_recordings_that_train_or_validation_has_are_found_in_any_format_and_named(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    divided(project, recorded(project))
    heard = {split: spoken(syllables) for split, syllables in WORDS.items()}
    folder = project / "data/public"
    folder.mkdir()
    shutil.copy(project / "calls/train.wav", folder / "0.wav")
    soundfile.write(folder / "1.mp3", 0.3 * heard["train"], RATE)
    soundfile.write(folder / "2.ogg", resample_poly(heard["train"], 3, 2), 24_000)
    soundfile.write(folder / "3.flac", np.stack([heard["validation"][800:]] * 2, axis=1), RATE)
    soundfile.write(folder / "4.wav", heard["test"], RATE)
    soundfile.write(folder / "5.wav", spoken(WORDS["train"], take=1), RATE)
    names = ("0.wav", "1.mp3", "2.ogg", "3.flac", "4.wav", "5.wav")
    (folder / "clips.csv").write_text("file,text\n" + "".join(f"{name},a public sentence\n" for name in names))
    evaluate_sets(project, public="data/public/clips.csv")

    told = run_stage("sets", project)

    assert told.returncode == 0, told.stderr
    assert read_copies(project / "data/sets/copies.csv") == [
        Copy("public", "data/public/0.wav", "train", "calls/train.wav", "same audio"),
        Copy("public", "data/public/1.mp3", "train", "calls/train.wav", "sounds alike"),
        Copy("public", "data/public/2.ogg", "train", "calls/train.wav", "sounds alike"),
        Copy("public", "data/public/3.flac", "validation", "calls/validation.wav", "sounds alike"),
    ]
    assert told.stderr.splitlines()[-6:] == [
        "sets: public: 3 of its 6 clips are trained on, so its error rate is too good",
        "  data/public/0.wav is calls/train.wav (same audio)",
        "  data/public/1.mp3 is calls/train.wav (sounds alike)",
        "  data/public/2.ogg is calls/train.wav (sounds alike)",
        "sets: public: 1 of its 6 clips is in validation, which chooses the epoch",
        "  data/public/3.flac is calls/validation.wav (sounds alike)",
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


def test_a_part_of_a_sets_speakers_is_there_to_choose_by_and_is_not_tested() -> None:
    clips = [
        Clip(f"{n:016x}", n, f"{n}.wav", f"{n:032x}", 2.0, RATE, 1, "some words", f"speaker {n % 12}", {}) for n in range(60)
    ]

    tested, choosing = set_apart(clips, 0.25)

    assert (len(tested), len(choosing)) == (45, 15)
    assert {clip.speaker for clip in tested}.isdisjoint({clip.speaker for clip in choosing})
    assert set_apart(clips, 0.0) == (clips, [])
    assert set_apart([clip for clip in clips if clip.line % 12 < 7], 0.25)[1] == []


def test_a_clip_that_another_set_tests_is_not_chosen_by(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "audio")
    folder = project / "data/general"
    rng = np.random.default_rng(0)
    for number in range(12):
        soundfile.write(folder / f"v{number}.wav", rng.normal(0, 0.1, 2 * RATE), RATE)
    lines = [f"v{number}.wav,some words of speaker {number},s{number}" for number in range(12)]
    (folder / "all.csv").write_text("\n".join(["file,text,speaker", *lines]))
    (folder / "few.csv").write_text("\n".join(["file,text,speaker", *lines[:6]]))
    evaluate_sets(project, all="data/general/all.csv", few="data/general/few.csv")
    divided(project)

    assert run_stage("sets", project).returncode == 0

    tested = [row for rows in read_texts(project / "data/sets/text.jsonl").values() for row in rows]
    choosing = [row for rows in read_texts(project / "data/sets/validation_text.jsonl").values() for row in rows]
    assert {row.id for row in tested}.isdisjoint(row.id for row in choosing)
    assert 0 < len(choosing) <= 3
