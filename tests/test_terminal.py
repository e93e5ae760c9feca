"""The terminal: what names and cells would tell it is shown and not done; all else of the stream is as it was."""

import io
import sys
from typing import cast

import pytest
from tqdm import tqdm

from asr.base.errors import DataError
from commands import cache
from stages.common.command import begin, run, telling_errors
from stages.common.terminal import Shown, show_controls


def written(text: str) -> str:
    stream = io.StringIO()
    Shown(stream).write(text)
    return stream.getvalue()


def test_controls_are_shown_and_all_other_text_is_as_it_was() -> None:
    assert written("\x1b[31mred\x07 \x9b \x7f\x00") == r"\x1b[31mred\x07 \x9b \x7f\x00"
    assert written("größe,\t日本語\r\n\u2028\\x1b") == "größe,\t日本語\r\n\u2028\\x1b"


def test_two_bars_below_one_another_are_drawn_as_they_are_on_the_stream_itself() -> None:
    def drawn(file: object) -> None:
        for position in (0, 1):
            tqdm(total=2, file=cast(io.StringIO, file), position=position, bar_format="{n_fmt}", mininterval=0).close()

    bare, other = io.StringIO(), io.StringIO()
    drawn(bare)
    drawn(Shown(other))

    assert "\x1b[A" in bare.getvalue()
    assert other.getvalue() == bare.getvalue()


def test_what_is_no_text_goes_to_the_stream_itself() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    shown = Shown(stream)

    assert (shown.encoding, shown.isatty(), shown.buffer) == ("latin-1", False, stream.buffer)
    assert shown.write("é\x1b") == 2
    shown.writelines(["a", "\x1b"])
    shown.flush()
    assert stream.buffer.getvalue() == rb"\xe9".decode("unicode_escape").encode("latin-1") + rb"\x1ba\x1b"
    with pytest.raises(io.UnsupportedOperation):
        shown.fileno()


def test_errors_of_the_user_are_told_without_controls(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        print("told \x1b[2J")
        raise DataError("\x1b[2Ja.wav: no")

    with pytest.raises(SystemExit):
        begin_and_run(main)

    assert capsys.readouterr() == (r"told \x1b[2J" + "\n", r"split: \x1b[2Ja.wav: no" + "\n")


def begin_and_run(main: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["stages/split.py"])
        begin("Split.")
        run("split", main)  # type: ignore[arg-type]


def test_what_argparse_refuses_is_told_without_controls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cache", "show", "\x1b[2J"])

    with pytest.raises(SystemExit):
        cache.main()

    assert capsys.readouterr().err.endswith(r"unrecognized arguments: \x1b[2J" + "\n")


def test_a_command_s_stdout_is_as_it_was_unless_it_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_terminal, told in ((False, "\x1b"), (True, r"\x1b")):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda answer=is_terminal: answer)
        monkeypatch.setattr(sys, "stdout", stream)
        with telling_errors("transcribe"):
            print("\x1b", end="")

        assert stream.getvalue() == told


def test_a_stream_is_wrapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())

    show_controls("stderr")
    show_controls("stderr")

    assert cast(Shown, sys.stderr).stream is stream
