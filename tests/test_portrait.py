"""The portrait of the data: what is counted and measured, and the few lines that are told of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from asr.report.portrait import Category, Speaker, Spread
from asr.report.table import data_table
from asr.report.words import Sentence, unseen_percent
from tests.portraits import CLIPS, DIVIDED, REJECT, SPLITS, clip, entry, portrait

PAGE = Path("metrics/data.html")


def test_every_split_and_set_has_its_clips_and_the_share_of_its_words_that_training_never_has() -> None:
    found = portrait(divided=DIVIDED | {"shared_sentences": {"test": 0.12}})

    assert [(part.name, part.clips, part.hours, part.speakers) for part in found.parts] == [
        ("train", 3, 1.25, 2),
        ("validation", 1, 0.5, 1),
        ("test", 1, 0.25, 1),
        ("general", 1, 0.05, 0),
    ]
    assert [part.unseen for part in found.parts] == [None, pytest.approx(100 / 3), 0, pytest.approx(200 / 3)]
    assert [part.shared for part in found.parts] == [None, None, 12, None]
    assert [part.left_out for part in found.parts] == [{}, {}, {}, {"silence": 1}]


def test_a_set_without_words_has_no_share_of_them() -> None:
    assert unseen_percent([""], {"take": 1}) is None


def test_only_clips_of_the_splits_are_measured() -> None:
    found = portrait()

    assert found.seconds == [2.0, 3.0, 2.0, 2.0, 2.0]
    assert found.peaks == [-3.0] * 5
    assert found.bands == {"6 to 8 kHz": 3, "not known": 1, "up to 4 kHz (telephone)": 1}
    assert found.formats == {"16 kHz mono": 3, "16 kHz stereo": 1, "8 kHz mono": 1}


def test_clips_without_speech_are_counted_and_not_measured() -> None:
    pause = clip("7", "", speaker="dee", seconds=9.0, peak_db=-100.0, bandwidth=0, rate=48_000)
    placed = {**SPLITS, "train": [*SPLITS["train"], entry(pause)]}
    divided = DIVIDED | {"clips": {"train": 4, "validation": 1, "test": 1}, "without_speech": 1}

    found, without = portrait(clips=[*CLIPS, pause], splits=placed, divided=divided), portrait()

    assert found.parts[0].clips == 4
    for measured in ("seconds", "rates", "peaks", "bands", "formats", "words", "sentences", "nameless"):
        assert getattr(found, measured) == getattr(without, measured), measured
    assert "dee" in [speaker.name for speaker in found.speakers]
    assert "without speech        1 of train" in data_table(found, PAGE)
    assert "without speech" not in data_table(without, PAGE)


def test_characters_are_counted_without_white_space_and_timestamps() -> None:
    assert portrait().rates[1] == pytest.approx(13 / 3)
    timed = replace(CLIPS[0], text="<|0.00|> ab c<|2.00|>")
    assert portrait(clips=[timed, *CLIPS[1:]]).rates[0] == pytest.approx(3 / 2)


def test_a_clip_is_noted_once_for_each_thing_that_is_odd_about_it() -> None:
    assert {note: [clip.id for clip in clips] for note, clips in portrait().noted.items()} == {
        "clicks": ["5"],
        "hum": ["2", "3"],
    }


def test_who_says_most_comes_first_with_the_splits_that_hear_it() -> None:
    found = portrait()

    assert found.speakers == [
        Speaker("ann", 2, 4 / 3600, ("train", "validation")),
        Speaker("bob", 1, 3 / 3600, ("train",)),
        Speaker("cec", 1, 2 / 3600, ("test",)),
    ]
    assert found.nameless == 1


def test_columns_whose_values_repeat_are_counted_by_split() -> None:
    assert portrait().categories == [
        Category("line", {"plain": {"train": 2, "validation": 1}, "phone": {"train": 1, "test": 1}})
    ]


def test_languages_are_a_column_too_and_a_blank_value_is_none() -> None:
    clips = [replace(each, language="nl" if each.id == "1" else None, extra={}) for each in CLIPS]

    assert portrait(clips=clips).categories == [
        Category("language", {"(none)": {"train": 2, "validation": 1, "test": 1}, "nl": {"train": 1}})
    ]
    missing = [replace(each, extra={} if each.id == "0" else {"line": "a" if each.id == "1" else ""}) for each in CLIPS]
    assert portrait(clips=missing).categories == [
        Category("line", {"(none)": {"train": 2, "validation": 1, "test": 1}, "a": {"train": 1}})
    ]


def test_words_are_those_of_training_and_sentences_those_that_are_tested_too() -> None:
    found = portrait()

    assert found.words == {"take": 2, "three": 1, "drops": 2, "four": 1, "one": 2, "two": 1}
    assert found.sentences == [Sentence("take three drops", 1, 1)]


def test_sentences_that_are_tested_most_often_come_first() -> None:
    texts = {"train": ["a", "b", "b", "c"], "validation": ["a"], "test": ["a", "b", "c", "c", "d"]}
    clips = {name: [clip(f"{name}{number}", text) for number, text in enumerate(some)] for name, some in texts.items()}
    found = portrait(
        clips=[each for some in clips.values() for each in some],
        splits={name: [entry(each) for each in some] for name, some in clips.items()},
    )

    assert found.sentences == [Sentence("c", 1, 2), Sentence("b", 2, 1), Sentence("a", 1, 1)]


def test_a_spread_leaves_out_a_twentieth_at_either_end() -> None:
    assert Spread.of([float(value) for value in range(101)]) == Spread(5, 50, 95)
    assert Spread.of([]) is None


def test_the_table() -> None:
    told = data_table(portrait(divided=DIVIDED | {"shared_sentences": {"test": 0.12}}), PAGE)

    assert told.splitlines() == [
        "rows in the table     8",
        "can't be used         1 (1 silence)",
        "left out for now      1 (1 clipped)",
        "dropped by filters    1 (1 not over 1 s)",
        "usable, but noted     3 (2 hum, 1 clicks)",
        "train                 3 clips, 1.2 h, 2 speakers",
        "validation            1 clips, 30.0 min, 1 speaker",
        "test                  1 clips, 15.0 min, 1 speaker",
        "general               1 clips, 3.0 min; left out: 1 (1 silence)",
        "seconds               2.0 to 2.8 for 90 % of the clips, median 2.0",
        "characters a second   4.4 to 7.0 for 90 % of the clips, median 6.5",
        "loudest sample, dBFS  -3.0 to -3.0 for 90 % of the clips, median -3.0",
        "bandwidth             6 to 8 kHz: 3, not known: 1, up to 4 kHz (telephone): 1",
        "files                 16 kHz mono: 3, 16 kHz stereo: 1, 8 kHz mono: 1",
        "speakers              3, with 0.0 min to 0.1 min each; 1 clips without one",
        "words                 9 in training, 6 of them distinct",
        "never in training     validation 33.3 %, test 0.0 %, general 66.7 % of the words",
        "sentences trained on  test 12.0 % of the clips",
        "page                  metrics/data.html, which plays what is left out for now and says how to keep it",
    ]


def test_the_table_names_the_commonest_reasons_and_counts_the_others() -> None:
    rejects = [REJECT | {"reason": f"reason {reason}"} for reason in range(7) for _ in range(reason + 1)]
    told = data_table(portrait(rejects=rejects), PAGE).splitlines()

    assert told[1] == ("can't be used         28 (7 reason 6, 6 reason 5, 5 reason 4, 4 reason 3, 3 reason 2, 2 others)")
    assert told[2] == "left out for now      0"
    assert told[-1] == "page                  metrics/data.html"


def test_the_table_has_the_languages_where_clips_say_theirs() -> None:
    clips = [replace(each, language="nl" if each.id == "1" else "en", speaker=None) for each in CLIPS]
    told = data_table(portrait(clips=clips), PAGE).splitlines()

    assert "language              en: 4, nl: 1" in told
    assert "speakers              0; 5 clips without one" in told
