"""The data page in a browser, opened as a file: listened to, printed, looked at on a phone and in the dark."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from asr.report.data_page import render
from tests.browser import chromium, logged
from tests.portraits import CLIPS, REJECT, WARNING, material, portrait
from tests.sounds import write_tone

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=alert(1)>"
SOUND = "a clip #1? 100%.wav"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def page(browser: webdriver.Chrome, tmp_path: Path) -> webdriver.Chrome:
    """A page with a part of a file, a file that is gone and long names, opened anew, and a log that begins here."""
    write_tone(tmp_path / "data" / SOUND, seconds=3.0)
    part = WARNING | {"path": SOUND, "file": f"data/{SOUND}", "start": "1.0", "end": "1.5"}
    rejects = [part, REJECT | {"path": "gone.wav", "detail": "x" * 200, "reason": EVIL}]
    clips = [replace(each, text=EVIL, speaker="s" * 60, extra={"c" * 60: str(len(each.text) % 2)}) for each in CLIPS]
    shown = tmp_path / "metrics" / "data.html"
    shown.parent.mkdir()
    shown.write_text(render(portrait(clips=clips, rejects=[*rejects, *material().rejects]), Path("metrics")), encoding="utf-8")
    for kind in ("browser", "performance"):
        logged(browser, kind)
    browser.get(shown.as_uri())
    return browser


def player(page: webdriver.Chrome, name: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, f"audio[aria-label='{name}']")


def test_a_part_of_a_file_is_played_and_no_more(page: webdriver.Chrome) -> None:
    part = player(page, SOUND)
    page.execute_script("arguments[0].play()", part)

    WebDriverWait(page, 10).until(lambda _: part.get_property("paused") and float(str(part.get_property("currentTime"))) >= 1.5)
    assert float(str(part.get_property("currentTime"))) < 2
    (begun, *_), *_ = page.execute_script("const seen = arguments[0].played; return [[seen.start(0), seen.end(0)]]", part)
    assert begun == pytest.approx(1.0, abs=0.1)


def test_a_file_that_is_gone_is_said(page: webdriver.Chrome) -> None:
    page.execute_script("arguments[0].play().catch(() => {})", player(page, "gone.wav"))

    WebDriverWait(page, 5).until(lambda _: "this file isn't here or can't be played: gone.wav" in page.page_source)


def test_nothing_of_the_data_runs_and_nothing_but_the_page_is_requested(page: webdriver.Chrome) -> None:
    messages = [json.loads(entry["message"])["message"] for entry in logged(page, "performance")]
    asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]

    assert [url for url in asked if not url.startswith("data:")] == [page.current_url]  # the buttons of players are data
    assert EVIL in page.find_element(By.TAG_NAME, "body").text
    assert page.find_elements(By.TAG_NAME, "img") == []
    assert logged(page, "browser") == []


def test_every_chart_has_its_columns(page: webdriver.Chrome) -> None:
    charts = page.find_elements(By.CSS_SELECTOR, "#sound .chart > svg")

    assert len(charts) == 3
    assert all(column.size["height"] > 0 for drawn in charts for column in drawn.find_elements(By.TAG_NAME, "rect"))
    assert all(drawn.find_elements(By.TAG_NAME, "rect") for drawn in charts)


def test_on_paper_everything_is_open(page: webdriver.Chrome) -> None:
    assert page.find_elements(By.CSS_SELECTOR, "details:not([open])") != []

    page.execute_script("dispatchEvent(new Event('beforeprint'))")

    assert page.find_elements(By.CSS_SELECTOR, "details:not([open])") == []


def test_a_phone_scrolls_down_only(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page.execute_script("document.querySelectorAll('details').forEach((each) => each.open = true)")
        assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [375, 375]
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_dark_and_light_differ(page: webdriver.Chrome) -> None:
    looks = []
    for theme in ("light", "dark"):
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
        looks.append(page.execute_script("return getComputedStyle(document.querySelector('.chart rect')).fill"))

    assert len(set(looks)) == 2
