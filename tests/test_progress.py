"""Progress in a log: lines with rate and time left, and silence when the work is short."""

import pytest

from asr.base import progress


def test_a_long_loop_writes_lines_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter(range(0, 1000, 20))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))

    assert list(progress.track("abcd", total=4, what="validate", unit="row")) == list("abcd")

    # The clock goes 20 s with every look at it, and a line is due after 30.
    assert capsys.readouterr().err == "validate: 2 of 4 rows, 0.1 rows/s, 40 s left\n"


def test_a_short_loop_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.track(range(3), total=3, what="validate")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def fetch_in_two_parts() -> None:
    with progress.download_bar()(total=4_000_000, initial=0, desc="model.safetensors", unit="B", unit_scale=True) as bar:
        bar.update(1_000_000)
        bar.update(3_000_000)


def test_a_download_in_a_log_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_in_two_parts()
    assert capsys.readouterr().err == "", "it was over within half a minute"

    monkeypatch.setattr("asr.base.progress.SECONDS_BETWEEN_LINES", 0.0)
    fetch_in_two_parts()
    told = capsys.readouterr().err

    assert "\r" not in told
    assert any(line.startswith("model.safetensors: 1.00M of 4.00M, ") and line.endswith(" left") for line in told.splitlines())
