"""CSVs that people open in a spreadsheet: no text in them is computed, and each is read as it was."""

import csv
import re
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from asr.base.files import guarded, read_csv, write_csv
from commands.decisions import take_over
from stages.common.decisions import DECISIONS
from tests.test_decisions import HEADER, WARNED

TEXTS = ["".join(text) for length in range(5) for text in product("'=-\t\r\na1;", repeat=length)]
NUMBERS = ["-5", "+1.5e-3", "-.5", "1", "-1."]


def test_any_text_is_read_as_it_was_written(tmp_path: Path) -> None:
    texts = [*TEXTS, *NUMBERS, "@SUM(A1)", "'@a", "+49", "größe", "", "-inf", "-1_000", '"=1"', "\x85=", "=1,2"]

    write_csv(tmp_path / "a.csv", ["text", "end"], ({"text": text, "end": "end"} for text in texts))

    assert read_csv(tmp_path / "a.csv") == [{"text": text, "end": "end"} for text in texts]


def test_no_text_begins_as_a_formula_does_and_numbers_stay_numbers(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["text"], ({"text": text} for text in [*TEXTS, "+SUM(A1)", "@SUM(A1)"] if text))
    with (tmp_path / "a.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]

    assert len(cells) > len(TEXTS)
    assert {cell for cell in cells if re.match(r"[=+\-@\t\r]", cell)} == {"-1", "-11", "-111"}


def test_what_is_no_text_and_other_texts_have_the_same_bytes_as_before(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["a", "b"], [{"a": -1.5, "b": None}, {"a": "it's", "b": "-7"}, {"a": "a\nb", "b": True}])

    assert (tmp_path / "a.csv").read_bytes() == b'a,b\n-1.5,\nit\'s,-7\n"a\nb",True\n'


def test_a_decision_on_a_clip_whose_name_would_be_a_formula_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/validated").mkdir(parents=True)
    rejects = tmp_path / "data/validated/rejects.csv"
    rejects.write_text(HEADER + WARNED.format("").replace("a.wav", "=1+1.wav"))
    (row,) = read_csv(rejects)
    write_csv(rejects, list(row), [{**row, "decision": "keep"}])

    take_over()

    assert "'=1+1.wav" in rejects.read_text()
    assert "'=1+1.wav" in DECISIONS.read_text()
    assert [row["path"] for row in read_csv(DECISIONS)] == ["=1+1.wav"]


def test_a_table_of_plots_keeps_its_numbers_and_blanks() -> None:
    frame = pd.DataFrame([("=1+1", 2, -0.5), ("ann", 3, None)], columns=["speaker", "clips", "error_rate"])

    assert frame.map(guarded).to_csv(index=False) == "speaker,clips,error_rate\n'=1+1,2,-0.5\nann,3,\n"
