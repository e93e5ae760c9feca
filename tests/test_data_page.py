"""The data page: what it says, that nothing of the data becomes markup, and what is drawn."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from asr.base.copies import Copy, write_copies
from asr.base.entries import audio_entries
from asr.base.files import write_json, write_rows
from asr.recordings.rejects import Reject, write_rejects, write_rejects_of_sets
from asr.report import chart
from asr.report.data_page import CLIPS_PER_NOTE, ROWS_PER_REASON, SPEAKERS, render
from asr.report.portrait import Material
from asr.report.table import data_table
from asr.report.urls import sound_url
from stages import describe
from tests.pages import text
from tests.portraits import CLIPS, DIVIDED, REJECT, SPLITS, WARNING, clip, entry, material, portrait

FOLDER = Path("metrics")


def page(**more: Any) -> str:
    return render(portrait(**more), FOLDER)


def test_it_says_how_much_there_is_and_what_to_look_at_first() -> None:
    said = text(page())

    assert (
        "Data report 2.0 h in 5 clips of 8 rows 1 left out until you decide 2 can't be used 1 dropped by filters 3 notes"
        in said
    )
    assert "1 clips without a speaker" in said
    assert "Train 1.2 h 3 clips, 2 speakers Validation 30.0 min 1 clips, 1 speaker Test 15.0 min" in said
    assert "validation 1 30.0 min 1 33.3 – – test 1 15.0 min 1 0.0 – – general 1 3.0 min 0 66.7 – 1 1 silence" in said
    assert "rows in the table 8 left out 2 1 clipped 1 silence dropped by filters 1 1 not over 1 s in the splits 5" in said


def test_what_is_left_out_has_its_reason_what_to_do_and_a_player() -> None:
    found = page()
    said = text(found)

    assert "write keep into the column decision of data/validated/rejects.csv" in said
    assert "clipped 1 Line Clip In detail What to do line 7 c.wav (3 to 4.5 s) nothing above -60 dB record it again" in said
    assert "silence 1 of general Line Clip In detail What to do line 42 gone.wav" in said
    assert said.index("Until you decide") < said.index("line 7") < said.index("Can't be used") < said.index("line 42")
    assert re.findall(r'<audio [^>]*src="([^"]*)"', found) == [
        "./../data/c.wav#t=3.0,4.5",
        "./../data/a/b.mp3",
        "./../data/5.wav",
        "./../data/2.wav#t=1.5,3.5",
        "./../data/3.wav",
    ]


def test_only_the_first_rows_of_each_reason_and_note_are_shown_and_the_file_that_has_all_is_named() -> None:
    rejects = [REJECT | {"line": str(line), "dataset": name} for name in ("", "general") for line in range(30)]
    clips = [replace(each, notes=("hum",)) for each in CLIPS]
    said = text(page(rejects=rejects, clips=clips))

    assert said.count("record it again") == 2 * ROWS_PER_REASON
    assert "and 10 more in data/validated/rejects.csv" in said
    assert "and 10 more in data/sets/rejects.csv" in said
    assert len(re.findall(r"line 2 data/\d\.wav", said)) == CLIPS_PER_NOTE
    assert "and 1 more, whose notes in data/validated/clips.jsonl say so" in said


def test_clips_of_other_sets_that_train_or_validation_has_are_counted_and_named_with_their_copies() -> None:
    copy = Copy("general", "data/general/1.mp3", "train", "data/0.wav", "sounds alike")
    found = portrait(copies=[copy, replace(copy, split="validation", copy_of="data/3.wav")] + 20 * [copy])
    said = text(render(found, FOLDER))

    assert "22 clips of test sets in train or validation" in said
    assert "general 1 21 also trained on 1 also in validation" in said
    assert "general data/general/1.mp3 train data/0.wav sounds alike" in said
    assert "And 2 more in data/sets/copies.csv" in said
    assert "general               1 clips, 3.0 min; 21 of them are trained on too" in data_table(found, FOLDER / "data.html")
    assert "in train or validation" not in text(page())


def test_nothing_of_the_data_becomes_markup() -> None:
    evil = "\"'></script></td><script>alert(1)</script><img src=x onerror=alert(1)>"
    rejects = [dict.fromkeys(REJECT, evil) | {"severity": severity, "dataset": evil} for severity in ("warn", "refuse")]
    clips = [
        replace(each, text=evil, path=evil, speaker=evil, notes=(evil,), language=evil, extra={evil: f"{number % 2}{evil}"})
        for number, each in enumerate(CLIPS)
    ]
    shown = page(
        clips=clips,
        splits={name: [replace(row, text=evil) for row in rows] for name, rows in SPLITS.items()},
        divided=DIVIDED | {"dropped": {evil: 1}},
        tested={evil: {"clips": 1, "hours": 0.05, "speakers": 0, "rejected": {evil: 1}, "dropped": {}}},
        sets={evil: []},
        rejects=rejects,
    )

    assert "<img" not in shown
    assert shown.count("<script") == shown.count("</script>") == 1
    assert "&#34;&#39;&gt;&lt;/script&gt;" in shown


def test_nothing_is_requested_and_the_policy_is_the_reports() -> None:
    shown = page()

    assert not re.search(r"https?://|@import|url\(|<link|<iframe| srcset=", shown)
    assert re.search(
        r"default-src &#39;none&#39;; style-src &#39;sha256-\S{44}&#39;; script-src &#39;sha256-\S{44}&#39;", shown
    )


def test_nothing_left_out_nothing_noted_no_speaker_no_other_set() -> None:
    clips = [replace(each, notes=(), speaker=None, extra={}) for each in CLIPS]
    said = text(page(clips=clips, rejects=[], sets={}, tested={}))

    assert "No row is left out." in said
    assert "Nothing is odd about the clips that can be used." in said
    assert "No clip has a speaker." in said
    assert "Until you decide" not in said
    assert "Columns" not in said
    assert "None" not in said.replace("None.", "")


def test_a_silence_of_ones_own_may_be_learned_from_and_that_of_a_test_set_not() -> None:
    hint = (
        "the model can learn from it to write nothing: write no speech into the column decision of data/validated/rejects.csv"
    )

    assert hint in text(page())
    assert hint not in text(page(rejects=[WARNING, REJECT | {"dataset": "general"}]))
    assert hint not in text(page(rejects=[REJECT | {"reason": "unreadable audio"}]))


def test_how_many_clips_are_without_speech_is_told_where_there_are_some() -> None:
    assert "without speech, of train 2 in the splits 5" in text(page(divided=DIVIDED | {"without_speech": 2}))
    assert "without speech" not in text(page())


def test_no_sentence_is_in_both() -> None:
    assert "Sentences of the test split that training has too None." in text(page(splits=SPLITS | {"test": []}))


def test_of_many_speakers_those_who_say_most_and_least_are_listed() -> None:
    clips = [clip(str(number), speaker=f"speaker {number:02}", seconds=100.0 - number) for number in range(SPEAKERS + 10)]
    splits = {"train": [entry(each) for each in clips], "validation": [], "test": []}
    said = text(page(clips=clips, splits=splits))
    most, least = said.split("Who say most")[1].split("Who say least")

    assert re.findall(r"speaker (\d+)", most) == [f"{number:02}" for number in range(15)]
    assert re.findall(r"speaker (\d+)", least.split("Words")[0]) == [f"{number:02}" for number in range(25, 40)]
    assert "40 speakers" in least
    few = text(page())
    assert "Who say most" not in few
    assert "ann 2 0.1 min train, validation bob 1 0.1 min train cec 1 0.0 min test" in few


def test_how_clips_were_divided_is_told() -> None:
    given = text(page(divided=DIVIDED | {"given": ["validation", "test"]}))

    assert (
        "splits that the table gives none, all are drawn groups, each in one split 2 train, 1 validation, 1 test "
        "speakers in two splits or more 1 repeated audio"
    ) in text(page())
    assert "splits that the table gives validation, test groups" in given


def test_words_and_columns() -> None:
    said = text(page())

    assert "The commonest in training take 2 drops 2 one 2 three 1" in said
    assert "words 9 distinct 6 said once 3" in said
    assert "words 3 distinct 3 said once 3" in text(page(splits=SPLITS | {"train": [entry(CLIPS[0])]}))
    assert "take three drops 1 1" in said
    assert "line 2 Value train validation test plain 2 1 0 phone 1 0 1" in said


@pytest.mark.parametrize(
    ("start", "end", "url"),
    [
        (None, None, "./../data/a%20b%23.wav"),
        ("", "", "./../data/a%20b%23.wav"),
        (0.0, 2.5, "./../data/a%20b%23.wav#t=0.0,2.5"),
        ("3.5", "", "./../data/a%20b%23.wav#t=3.5"),
        (None, 2.5, "./../data/a%20b%23.wav#t=,2.5"),
    ],
)
def test_a_part_of_a_file_is_played_from_its_start_to_its_end(
    start: float | str | None, end: float | str | None, url: str
) -> None:
    assert sound_url(FOLDER, "data/a b#.wav", start, end) == url


def test_a_histogram_has_a_column_for_each_stretch() -> None:
    drawn = chart.histogram("Clips by length", "seconds", [1.0, 1.0, 1.5, 2.0, 4.0, float("nan")])

    assert drawn is not None
    assert [column.label for column in drawn.columns] == [
        "1 to 1.2: 2 clips", "1.4 to 1.6: 1 clip", "2 to 2.2: 1 clip", "3.8 to 4: 1 clip",
    ]  # fmt: skip
    first, *_, last = drawn.columns
    assert (first.x, first.y + first.height) == (chart.LEFT, chart.BOTTOM)
    assert last.x + last.width == pytest.approx(chart.RIGHT - chart.GAP)
    assert first.height == pytest.approx(2 * last.height)
    assert [tick.label for tick in drawn.x_ticks] == ["1", "2", "3", "4"]
    assert drawn.summary == "Clips by length: seconds from 1 to 4, half of them up to 1.5."


def test_values_far_from_the_others_are_in_the_outermost_columns() -> None:
    drawn = chart.histogram("Clips by length", "seconds", [-500.0, *(1 + number / 100 for number in range(300)), 900.0])

    assert drawn is not None
    assert 10 < len(drawn.columns) <= chart.MOST_COLUMNS + 1
    assert drawn.columns[0].label.startswith("under 1.2: ")
    assert drawn.columns[-1].label.startswith("3.8 or more: ")


def test_values_that_are_all_alike_are_one_column_and_no_values_no_histogram() -> None:
    drawn = chart.histogram("Clips by loudest sample", "dBFS", [-1.0, -1.0])

    assert drawn is not None
    assert [column.label for column in drawn.columns] == ["−1 to 0: 2 clips"]
    assert chart.histogram("Clips by length", "seconds", []) is None


@pytest.mark.parametrize(
    ("language", "of_clips", "told"),
    [
        (None, [None, None], "words                 2 in training, 2 of them distinct"),
        ("japanese", [None, None], "characters            4 in training, 3 of them distinct"),
        (None, ["ja", "en"], "words and characters  4 in training, 3 of them distinct"),
    ],
)
def test_words_are_characters_where_the_language_parts_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    language: str | None,
    of_clips: list[str | None],
    told: str,
) -> None:
    trained, tested = clip("0", "今 日は日", language=of_clips[0]), clip("1", "ok", language=of_clips[1])
    monkeypatch.chdir(tmp_path)
    write(material(clips=[trained, tested], splits={"train": [entry(trained)], "validation": [], "test": [entry(tested)]}))
    Path("params.yaml").write_text(
        yaml.safe_dump({"model": {"language": language, "task": "transcribe", "name": "models/pico"}})
    )

    describe.main()

    assert told in capsys.readouterr().out.splitlines()
    said = text(Path("metrics/data.html").read_text(encoding="utf-8"))
    assert "今" in said
    assert "file not found 1 of general" in said


def write(found: Material) -> None:
    """As the stages do."""
    validated, splits, sets = Path("data/validated"), Path("data/splits"), Path("data/sets")
    write_rows(validated / "clips.jsonl", found.clips)
    write_rejects(validated / "rejects.csv", [])
    for name, rows in found.splits.items():
        write_rows(splits / "text" / f"{name}.jsonl", rows)
    for name, clips in found.placed.items():
        write_rows(splits / "audio" / f"{name}.jsonl", audio_entries(clips))
    write_rows(sets / "text.jsonl", [row for rows in found.sets.values() for row in rows])
    write_copies(sets / "copies.csv", found.copies)
    write_rejects_of_sets(sets / "rejects.csv", {"general": [Reject(3, "gone.wav", "refuse", "file not found", "", "")]})
    for folder, summary in ((validated, found.validated), (splits, found.divided), (sets, found.tested)):
        write_json(folder / "summary.json", dict(summary))


def test_of_a_joined_clip_the_parts_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        replace(clip(str(number), "one two"), path="long.wav", audio_hash="long", start=2.0 * number, end=2.0 * number + 1.5)
        for number in (0, 1)
    )
    other = clip("5", "three")
    joined = replace(first, id="joined", end=3.5, text="one two one two")
    monkeypatch.chdir(tmp_path)
    splits = {"train": [entry(joined)], "validation": [], "test": [entry(other)]}
    found = material(clips=[joined, other], splits=splits)
    write(replace(found, clips=[first, second, other]))
    Path("params.yaml").write_text(yaml.safe_dump({"model": {"language": None, "task": "transcribe", "name": "models/pico"}}))

    placed = describe.read_material().placed
    describe.main()

    assert {split: [part.id for part in parts] for split, parts in placed.items()} == {
        "train": ["0", "1"], "validation": [], "test": ["5"],
    }  # fmt: skip
