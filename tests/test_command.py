"""The frame of a stage."""

import gc
import sys

import pytest

from stages.common.command import begin, run


def test_no_garbage_is_collected_from_begin_to_run_and_then_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["stages/split.py"])
    seen = []

    begin("Split.")
    seen.append(gc.isenabled())
    run("split", lambda: seen.append(gc.isenabled()))

    assert seen == [False, True]
