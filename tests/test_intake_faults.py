"""Faults: what the bench of mutated inputs would find, if there were any of it."""

import os
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import bench.intake
from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.recordings.clips import Checked
from asr.recordings.rejects import Reject
from bench.intake import MOST_BYTES, MOST_SECONDS, Outcome, goals, table, try_all, try_one
from bench.mutations import Input
from bench.small_sets import small_sets

FINE = Outcome(0, "jsonl", "audio: cut short", "", "", 3, 1, 0.5, 10**8)
CLIP = Clip("1", 2, "a.wav", "1", 2.0, 16_000, 1, "good morning", None, {})
REJECT = Reject(3, "b.wav", "refuse", "silence", "nothing above -60 dB", "record it again")


def fault(rejects: list[Reject], rows: int, expected: int | None, folder: Path) -> str:
    made = Input("jsonl", "table: lines", folder / "manifest.json", expected)
    return bench.intake._fault(made, Checked([CLIP], rejects), rows, folder)


@pytest.mark.parametrize(
    ("rejects", "rows", "expected", "found"),
    [
        ([REJECT], 2, 2, ""),
        ([REJECT], 2, None, ""),
        ([REJECT], 3, None, "of 3 rows, 1 are used and 1 refused"),
        ([REJECT], 2, 4, "2 rows, where there were 4"),
        ([replace(REJECT, line=0)], 2, 2, "a row is refused without a line, a reason or a remedy"),
        ([replace(REJECT, reason="")], 2, 2, "a row is refused without a line, a reason or a remedy"),
        ([replace(REJECT, detail="")], 2, 2, "a row is refused without a line, a reason or a remedy"),
        ([replace(REJECT, remedy="")], 2, 2, "a row is refused without a line, a reason or a remedy"),
    ],
)
def test_rows_without_a_reason_and_rows_that_are_lost_are_faults(
    tmp_path: Path, rejects: list[Reject], rows: int, expected: int | None, found: str
) -> None:
    assert fault(rejects, rows, expected, tmp_path) == found


def raising(error: Exception) -> object:
    def check_rows(*arguments: object) -> Checked:
        raise error

    return check_rows


def test_an_error_that_nobody_expects_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.intake, "check_rows", raising(ZeroDivisionError("why")))

    sets = small_sets()

    tried = [try_one(sets, seed) for seed in range(10)]

    assert "ZeroDivisionError: why\n" in [each.fault.rpartition("  ")[2].partition("\n")[2] for each in tried]


def test_a_table_that_is_refused_for_one_clip_is_a_fault_and_a_damaged_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench.intake, "check_rows", raising(DataError("no")))

    sets = small_sets()

    tried = [try_one(sets, seed) for seed in range(40)]

    assert {each.fault for each in tried if each.kind.startswith("audio") and each.format == "jsonl"} == {
        "the whole table is refused for one clip's sake"
    }
    assert {each.fault for each in tried if each.kind.startswith("table")} == {""}
    assert "no" in {each.stopped for each in tried}


def bad_worker(connection: Connection) -> None:
    """Seed 1 ends the process, seed 3 takes forever, and to begin takes longer than any seed may."""
    while True:
        seed = connection.recv()
        if seed < 0:
            time.sleep(0.7)
        if seed == 1:
            os._exit(7)
        if seed == 3:
            time.sleep(600)
        connection.send(None if seed < 0 else replace(FINE, seed=seed))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_dies_or_hangs_is_a_fault_and_another_goes_on(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(bench.intake, "serve", bad_worker)
    monkeypatch.setattr(bench.intake, "MOST_SECONDS", 0.5)
    start = time.monotonic()

    tried = {each.seed: each.fault for each in try_all(range(6), workers)}

    assert tried == {0: "", 1: "the process ended with 7", 2: "", 3: "hangs", 4: "", 5: ""}
    assert time.monotonic() - start < 45


@pytest.mark.parametrize(
    ("outcome", "met"),
    [
        (FINE, [True, True, True]),
        (replace(FINE, fault="hangs"), [False, True, True]),
        (replace(FINE, seconds=MOST_SECONDS + 0.1), [True, False, True]),
        (replace(FINE, peak=MOST_BYTES + 10**6), [True, True, False]),
    ],
)
def test_one_bad_input_of_many_misses_its_target(outcome: Outcome, met: list[bool]) -> None:
    assert [target.met for target in goals([FINE, outcome, FINE])] == met


def test_the_table_has_a_line_for_each_kind() -> None:
    lines = table(
        [FINE, replace(FINE, kind="table: lines", stopped="no", used=0, refused=0), replace(FINE, seconds=1.25, fault="hangs")]
    ).splitlines()

    assert [line.split("  ")[0] for line in lines[2:]] == ["audio: cut short", "table: lines"]
    assert [line.split()[-6:] for line in lines[2:]] == [["2", "0", "6", "2", "1.25", "1"], ["1", "1", "0", "0", "0.50", "0"]]
