"""The page to try a model, but for the browser: which words differ, and what stops it before models are loaded."""

import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import pytest

from asr.base.normalizers import basic_english, multilingual
from asr.recognition.long import Listener
from commands import demo
from commands.trying.page import _compared
from commands.trying.pair import OTHER, Pair, Word, differences
from tests.demo_page import Ear
from tests.project import ROOT, environment
from tests.sounds import write_tone


def marked(words: list[Word]) -> str:
    """The text, with the marked words in brackets."""
    return " ".join(f"[{word.strip()}]" if mark == OTHER else word.strip() for word, mark in words)


@pytest.mark.parametrize(
    ("base", "tuned", "marked_base", "marked_tuned"),
    [
        ("Give 5 mg, now.", "give 5 mg now", "Give 5 mg, now.", "give 5 mg now"),
        ("give two grams now", "give too grams", "give [two] grams [now]", "give [too] grams"),
        ("stop", "please stop - it", "stop", "[please] stop [-] [it]"),
        ("", "one two", "", "[one] [two]"),
        ("one", "", "[one]", ""),
        ("", "", "", ""),
    ],
)
def test_words_that_the_other_has_not_are_marked(base: str, tuned: str, marked_base: str, marked_tuned: str) -> None:
    first, second = differences(base, tuned, basic_english)

    assert (marked(first), marked(second)) == (marked_base, marked_tuned)


def test_a_word_that_normalising_parts_stays_one() -> None:
    first, second = differences("a state-of-the-art pump", "a pump", multilingual)

    assert (marked(first), marked(second)) == ("a [state-of-the-art] pump", "a pump")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "commands.demo", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)


@pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed: requirements-demo.txt")
def test_a_port_that_is_taken_is_told_before_models_are_loaded() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        told = run("--port", str(port))

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == f"demo: port {port} is taken, or not for you to use; choose another with --port\n"


def test_without_gradio_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["demo"])

    with pytest.raises(SystemExit) as end:
        demo.main()

    assert end.value.code == 1
    assert capsys.readouterr().err == "demo: gradio isn't installed; `make demo` installs it (requirements-demo.txt)\n"


def test_the_page_says_what_is_missing_of_a_damaged_recording(tmp_path: Path) -> None:
    whole = write_tone(tmp_path / "whole.flac", seconds=20.0)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[:-30_000])
    pair = Pair(("base", "tuned"), cast(tuple[Listener, Listener], (Ear("one {}"), Ear("two {}"))), basic_english)

    assert "damaged" not in _compared(pair, whole)[2]
    assert ". The recording is damaged: " in _compared(pair, tmp_path / "cut.flac")[2]
    assert " s of 20.00 s can't be read: " in _compared(pair, tmp_path / "cut.flac")[2]
