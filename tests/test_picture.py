"""The page of a comparison: a picture for each test set, the best model first."""

import re
import subprocess
import sys

import pytest

from commands.comparing.family import family
from commands.comparing.picture import LEFT, RIGHT, draw, render
from commands.comparing.sides import Side
from tests.project import ROOT, environment
from tests.test_compare import BAD, CLOSE, GOOD, side

FIRST = side("main", test=CLOSE, general=BAD)
OTHERS = [side("worse", test=BAD), side("<b>good</b>", test=GOOD), side("a-name-that-is-far-too-long-for-it", test=CLOSE)]


def page(first: Side = FIRST) -> str:
    return render(first, OTHERS, family(first, OTHERS))


def test_the_best_is_above_and_further_left() -> None:
    (drawn,) = draw(family(FIRST, OTHERS))

    assert [(row.name, row.tone) for row in drawn.rows] == [
        ("<b>good</b>", "better"),
        ("a-name-that-is-far-too-long-f…", "same"),
        ("worse", "unsure"),
    ]
    assert [member.name for member in drawn.members] == ["<b>good</b>", "a-name-that-is-far-too-long-for-it", "worse"]
    assert LEFT <= drawn.rows[0].at < drawn.rows[1].at == drawn.zero < drawn.rows[2].at <= RIGHT
    assert [row.y for row in drawn.rows] == [38, 66, 94]
    assert drawn.rows[2].figures == "+5.00  (+0.22 to +9.78)"


def test_places_are_those_of_the_axis() -> None:
    (drawn,) = draw(family(FIRST, OTHERS))

    assert [(tick.place, tick.label) for tick in drawn.ticks] == [
        (220, "−40"), (300, "−30"), (380, "−20"), (460, "−10"), (540, "0"), (620, "10"),
    ]  # fmt: skip
    assert drawn.rows[0].at == 540 - 8 * 32.5


def test_names_are_escaped_and_nothing_is_fetched() -> None:
    html = page()

    assert "<b>good</b>" not in html
    assert html.count("&lt;b&gt;good&lt;/b&gt;") > 2
    assert not re.search(r"(src|href)=|https?:|url\(|@import", html)
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in html


def test_verdicts_and_remarks_stand_in_words() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page()))

    assert "↓ better" in text
    assert text.count("= identical") == 1
    assert text.count("? not quite sure") == 1
    assert "corrected is p for all 3 together (Holm)" in text
    assert "worse, general: without a clip in common" in text


def test_nothing_in_common_is_said() -> None:
    assert "Nothing could be compared" in page(side("main", other=GOOD))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [([], "name a revision to compare with, or use --all"), (["--html", "main"], "put --html after the revisions")],
)
def test_a_mistake_on_the_command_line_is_told(arguments: list[str], told: str) -> None:
    command = [sys.executable, "-m", "commands.compare", *arguments]
    stopped = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)

    assert stopped.returncode == 2
    assert told in stopped.stderr
