"""The page in a browser, opened as a file: sorted, filtered, listened to, looked at on a phone and in the dark."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from asr.report.page import ROWS_AT_ONCE, Page, render
from asr.scoring.align import Span
from asr.scoring.interval import Difference, Interval
from tests.browser import chromium, logged
from tests.pages import CHANGE, report, utterance
from tests.sounds import write_tone

pytestmark = pytest.mark.slow

CLIP, SECONDS, ERRORS, FLAGS = 0, 3, 4, 8
COLUMN = """
    const cells = Array.from(document.getElementById("rows").tBodies[0].rows, (row) => row.cells[arguments[0]]);
    return cells.map((cell) => (cell.querySelector("code") ?? cell).textContent);
"""
HEARD = "<img src=x onerror=alert(1)>"
SOUND = "a clip #1? 100%.wav"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def page(browser: webdriver.Chrome, tmp_path: Path) -> webdriver.Chrome:
    """A page with five clips, one of them with a file, opened anew, and a log that begins here."""
    write_tone(tmp_path / SOUND, seconds=1.0)
    alignment = (Span("equal", "one", "one"), Span("substitute", "two", "too"), Span("delete", "three", ""))
    rows = [
        utterance("10.wav", errors=3, heard=HEARD, said="a b c", seconds=4.0, base=HEARD),
        utterance("9.wav", errors=2, alignment=alignment, audio="gone.wav", seconds=10.0, speaker="ada"),
        utterance("11.wav", errors=1, audio=SOUND, seconds=2.5, dataset="everyday", has_loop=True),
        utterance("שלום.wav", said="שלום לכולם", heard="שלום לכולם", seconds=3.0, audio=SOUND),
        utterance("1.wav", audio=SOUND, seconds=1.0),
    ]
    for name in ("0123abc", "4567def", "89abcde"):
        write_speed(tmp_path / "speeds" / f"{name}.js", name, real_time_factor=0.0123, clips_per_second=31.2, **TIMES)
    return open_page(browser, report(*rows), tmp_path)


TIMES = {"waiting": 1.25, "computing": 600.04, "validating": 20.0, "saving": 0.0}


def write_speed(path: Path, name: str, **figures: float) -> None:
    """As the stages do that train or test a model."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'(window.speeds ??= {{}})["{name}"] = {json.dumps(figures)};')


def open_page(browser: webdriver.Chrome, page: Page, folder: Path) -> webdriver.Chrome:
    (folder / "report.html").write_text(render(page), encoding="utf-8")
    for kind in ("browser", "performance"):
        logged(browser, kind)
    browser.get((folder / "report.html").as_uri())
    return browser


def column(page: webdriver.Chrome, number: int) -> list[str]:
    """What is shown in a column, from the top; of clips, their path."""
    shown: list[str] = page.execute_script(COLUMN, number)
    return [each.strip() for each in shown]


def heading(page: webdriver.Chrome, number: int) -> WebElement:
    return page.find_elements(By.CSS_SELECTOR, "#rows thead th")[number]


def sort_button(page: webdriver.Chrome, number: int) -> WebElement:
    return heading(page, number).find_element(By.TAG_NAME, "button")


def said(page: webdriver.Chrome) -> str:
    return page.find_element(By.ID, "shown").text


def test_a_click_on_a_heading_sorts(page: webdriver.Chrome) -> None:
    assert column(page, ERRORS) == ["3/3", "2/3", "1/3", "0/3", "0/3"]

    sort_button(page, SECONDS).click()
    assert column(page, SECONDS) == ["10.00", "4.00", "3.00", "2.50", "1.00"]
    assert heading(page, SECONDS).get_attribute("aria-sort") == "descending"
    assert heading(page, ERRORS).get_attribute("aria-sort") is None
    assert said(page) == "5 shown of 5, by seconds, descending"

    sort_button(page, SECONDS).click()
    assert column(page, SECONDS) == ["1.00", "2.50", "3.00", "4.00", "10.00"]
    assert heading(page, SECONDS).get_attribute("aria-sort") == "ascending"

    sort_button(page, CLIP).click()
    assert column(page, CLIP) == ["1.wav", "9.wav", "10.wav", "11.wav", "שלום.wav"]


def test_every_column_sorts_with_the_keyboard(page: webdriver.Chrome) -> None:
    for number, key in enumerate([Keys.ENTER, Keys.SPACE] * 4 + [Keys.ENTER]):
        sort_button(page, number).send_keys(key)
        assert heading(page, number).get_attribute("aria-sort") is not None
        assert page.switch_to.active_element == sort_button(page, number)
        assert len(column(page, number)) == 5
    sort_button(page, FLAGS).send_keys(Keys.ENTER)
    assert column(page, FLAGS)[0] == "loop"


def test_filters(page: webdriver.Chrome) -> None:
    search = page.find_element(By.NAME, "text")
    for text, clips in {
        "ADA": ["9.wav"],
        "one two three": ["9.wav", "11.wav", "1.wav"],
        "one too": ["9.wav"],
        "onerror": ["10.wav"],
        "no such word": [],
    }.items():
        search.clear()
        search.send_keys(text)
        assert column(page, CLIP) == clips, text
        assert said(page) == f"{len(clips)} shown of {len(clips)} that match, 5 in all, by errors, descending"
    search.clear()
    page.find_element(By.NAME, "wrong").click()
    assert column(page, CLIP) == ["10.wav", "9.wav", "11.wav"]
    Select(page.find_element(By.NAME, "set")).select_by_visible_text("everyday")
    assert column(page, CLIP) == ["11.wav"]
    sort_button(page, SECONDS).click()
    assert column(page, CLIP) == ["11.wav"]


def test_a_clip_plays(page: webdriver.Chrome) -> None:
    player = page.find_element(By.CSS_SELECTOR, "audio[aria-label='1.wav']")
    page.execute_script("arguments[0].play()", player)

    WebDriverWait(page, 5).until(lambda _: float(player.get_property("currentTime") or 0) > 0)  # type: ignore[arg-type]
    assert player.get_property("duration") == pytest.approx(1.0)


def test_one_clip_plays_at_a_time(page: webdriver.Chrome) -> None:
    one, other = page.find_elements(By.CSS_SELECTOR, "audio")[-2:]
    page.execute_async_script(
        "const [one, other, done] = arguments; one.loop = true; one.play().then(() => other.play()).then(done)", one, other
    )

    WebDriverWait(page, 5).until(lambda _: one.get_property("paused"))
    assert not other.get_property("paused")


def test_on_paper_everything_is_open(page: webdriver.Chrome) -> None:
    closed = page.execute_script("return document.querySelectorAll('details:not([open])').length")
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert page.find_elements(By.CSS_SELECTOR, "details:not([open])") == []

    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(page.find_elements(By.CSS_SELECTOR, "details:not([open])")) == closed > 0


def test_a_file_that_is_gone_is_said(page: webdriver.Chrome) -> None:
    assert "can't be played" not in column_text(page, "9.wav")

    page.execute_script("document.querySelector(\"audio[aria-label='9.wav']\").play().catch(() => {})")

    WebDriverWait(page, 5).until(lambda _: "this file isn't here or can't be played: 9.wav" in column_text(page, "9.wav"))


def column_text(page: webdriver.Chrome, clip: str) -> str:
    return page.find_element(By.XPATH, f"//tbody//th[code='{clip}']").text


def test_a_transcript_stays_text(page: webdriver.Chrome) -> None:
    row = page.find_elements(By.CSS_SELECTOR, "#rows tbody tr")[0]

    assert row.text.count("onerror=alert(1)>") == 2
    assert page.find_elements(By.TAG_NAME, "img") == []
    assert (
        page.execute_script("return document.scripts.length") == 4
    )  # the page's own, a speed of each model, and that of training
    assert logged(page, "browser") == []


def test_an_injected_script_would_not_run(page: webdriver.Chrome) -> None:
    page.execute_script("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = true\">')")

    WebDriverWait(page, 5).until(lambda _: any("Content Security Policy" in str(line) for line in logged(page, "browser")))
    assert page.execute_script("return window.ran") is None


def test_nothing_but_the_page_is_requested(page: webdriver.Chrome) -> None:
    sort_button(page, CLIP).click()
    messages = [json.loads(entry["message"])["message"] for entry in logged(page, "performance")]
    asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]

    speeds = [page.current_url.replace("report.html", f"speeds/{name}.js") for name in ("0123abc", "4567def", "89abcde")]
    asked_here = [url for url in asked if not url.startswith("data:")]  # the buttons of players are data
    assert asked_here == [page.current_url, *speeds]
    assert logged(page, "browser") == []


def test_the_speeds_are_those_that_this_machine_has_measured(browser: webdriver.Chrome, tmp_path: Path) -> None:
    write_speed(tmp_path / "speeds" / "4567def.js", "4567def", real_time_factor=0.0123, clips_per_second=31.2)

    page = open_page(browser, report(), tmp_path)

    found = {row.text for row in page.find_elements(By.CSS_SELECTOR, "[data-speed]")}
    assert found == {"base – –", "tuned 0.0123 31.20", *(f"{kind} –" for kind in TIMES)}


def test_where_the_time_of_training_went(page: webdriver.Chrome) -> None:
    rows = [row.text for row in page.find_elements(By.CSS_SELECTOR, "[data-speed='89abcde']")]

    assert rows == ["waiting 1.3", "computing 600.0", "validating 20.0", "saving 0.0"]


def test_a_phone_scrolls_down_only(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page.execute_script("document.querySelectorAll('details').forEach((each) => each.open = true)")
        assert page.execute_script("return innerWidth") == 375
        assert page.execute_script("return document.documentElement.scrollWidth") == 375
        sort_button(page, SECONDS).click()
        assert column(page, SECONDS)[0] == "10.00"
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_phones_first_screen_has_every_sets_verdict(browser: webdriver.Chrome, tmp_path: Path) -> None:
    test, everyday = report().sets
    worse = replace(CHANGE, difference=Difference(9.64, Interval(5.35, 13.92), 0.0001), better=3, worse=41)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page = open_page(browser, report(sets=[test, replace(test, name="general", change=worse), everyday]), tmp_path)
        lines = page.find_elements(By.CSS_SELECTOR, ".verdicts .verdict")
        cells = page.find_elements(By.CSS_SELECTOR, ".sets tbody :is(th, td)")

        assert [line.text for line in lines] == [
            "↓ test: −37.75 points, the tuned model is better",
            "↑ general: +9.64 points, the tuned model is worse",
            "? everyday not compared: no clip in common",
        ]
        assert page.execute_script("return [scrollX, scrollY, innerWidth, innerHeight]") == [0, 0, 375, 800]
        assert all(within(line, 375, 800) for line in lines)
        assert len({line.value_of_css_property("color") for line in lines}) == 3
        assert len(cells) == 21
        assert all(within(cell, 375, 10_000) for cell in cells)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def within(element: WebElement, width: int, height: int) -> bool:
    """Whether all of it is in the screen's upper left part of this size."""
    box = element.rect
    return (
        element.is_displayed()
        and box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= width
        and box["y"] + box["height"] <= height
    )


def test_dark_and_light_differ(page: webdriver.Chrome) -> None:
    looks = [colours(page, theme) for theme in ("light", "dark")]

    assert [ground > ink for ground, ink in looks] == [True, False]


def colours(page: webdriver.Chrome, theme: str) -> tuple[int, int]:
    """How light the ground and the ink are."""
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
    script = "const look = getComputedStyle(document.body); return [look.backgroundColor, look.color]"
    ground, ink = (sum(map(int, each[4:-1].split(","))) for each in page.execute_script(script))
    return ground, ink


def test_a_right_to_left_transcript_runs_so(page: webdriver.Chrome) -> None:
    cells = page.find_elements(By.CSS_SELECTOR, "#rows td:nth-child(7)")

    assert [cell.value_of_css_property("direction") for cell in cells] == ["ltr", "ltr", "ltr", "rtl", "ltr"]


def test_thousands_of_rows_are_quick(browser: webdriver.Chrome, tmp_path: Path) -> None:
    rows = [utterance(f"{number}.wav", errors=number % 7, seconds=1 + number / 100) for number in range(5000)]
    page = open_page(browser, report(*rows), tmp_path)

    assert len(column(page, CLIP)) == ROWS_AT_ONCE
    assert timed(page, "document.querySelectorAll('#rows button')[3].click()") < 1000
    assert column(page, CLIP)[0] == "4999.wav"
    assert timed(page, "more.click()") < 1000
    assert len(column(page, CLIP)) == ROWS_AT_ONCE + 100
    assert said(page) == "150 shown of 5,000, by seconds, descending"
    assert timed(page, "filter.elements.text.value = '4321'; filter.elements.text.dispatchEvent(new Event('input'))") < 1000
    assert column(page, CLIP) == ["4321.wav"]


def timed(page: webdriver.Chrome, script: str) -> float:
    """Milliseconds until the page is laid out again."""
    taken: Any = page.execute_script(
        f"const start = performance.now(); {script}; document.body.offsetHeight; return performance.now() - start"
    )
    return float(taken)
