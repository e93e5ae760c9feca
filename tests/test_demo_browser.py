"""The page to try a model in a browser: with an upload, and with a microphone that hears a WAV."""

import json
import socket
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import cast
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import numpy as np
import pytest
import soundfile
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from asr.base.errors import DataError
from asr.base.normalizers import basic_english
from asr.recognition.long import Listener
from commands.trying.page import serving
from commands.trying.pair import Pair
from tests.browser import chromium, logged
from tests.demo_page import Served, serve
from tests.sounds import write_tone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed: requirements-demo.txt"),
]

MICROPHONE = "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream --use-file-for-fake-audio-capture"
SECONDS = 60
"""To wait for what a browser on a busy machine takes a second for."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as page:
        yield page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser whose microphone hears a tone of 440 Hz."""
    folder = tmp_path_factory.mktemp("browser")
    tone = write_tone(folder / "microphone.wav", seconds=30, rate=48_000, hertz=440)
    with chromium(folder, *f"{MICROPHONE}={tone}".split()) as driver:
        yield driver


@pytest.fixture
def page(browser: webdriver.Chrome, served: Served) -> webdriver.Chrome:
    """The page, opened anew, and a log that begins here."""
    for kind in ("browser", "performance"):
        logged(browser, kind)
    browser.get(served.address)
    return browser


def click(page: webdriver.Chrome, css: str) -> None:
    """Click what is there, or will be, once it can be clicked."""
    script = "const [found] = document.querySelectorAll(arguments[0]); if (!found || found.disabled) return false; "
    WebDriverWait(page, SECONDS).until(lambda _: page.execute_script(script + "found.click(); return true", css))


def upload(page: webdriver.Chrome, path: Path) -> None:
    field = WebDriverWait(page, SECONDS).until(lambda _: page.find_element(By.CSS_SELECTOR, "input[type=file]"))
    field.send_keys(str(path))


def heard(page: webdriver.Chrome) -> tuple[str, str, str]:
    """Have it transcribed; both texts with the coloured words in brackets, and what it took."""
    click(page, "button.primary")
    WebDriverWait(page, SECONDS).until(lambda _: "of sound" in page.find_element(By.ID, "taken").text)
    base, tuned = (coloured(page, side) for side in ("base", "tuned"))
    return base, tuned, page.find_element(By.ID, "taken").text


def coloured(page: webdriver.Chrome, side: str) -> str:
    words = page.find_elements(By.CSS_SELECTOR, f"#{side} .token")
    plain = "rgba(0, 0, 0, 0)"
    return " ".join(
        word.text.strip() if word.value_of_css_property("background-color") == plain else f"[{word.text.strip()}]"
        for word in words
    )


def told(page: webdriver.Chrome) -> str:
    """The message that it shows."""
    toasts = "[data-testid=toast-body]"
    wait = WebDriverWait(page, SECONDS)
    return str(wait.until(lambda _: " ".join(each.text for each in page.find_elements(By.CSS_SELECTOR, toasts)).strip()))


def test_an_upload_is_heard_by_both_plays_and_is_not_kept(page: webdriver.Chrome, served: Served, tmp_path: Path) -> None:
    upload(page, write_tone(tmp_path / "tone.mp3", seconds=2.0, hertz=700))

    base, tuned, taken = heard(page)

    assert (base, tuned) == ("One [two] 700 four", "one [too] 700 [for] four")
    assert taken.startswith("2.0 s of sound: base 0.")
    assert served.kept() == []
    click(page, "button[aria-label=Play]")
    WebDriverWait(page, SECONDS).until(lambda _: page.find_elements(By.CSS_SELECTOR, "button[aria-label=Pause]"))
    assert page.find_element(By.CSS_SELECTOR, "button.primary").get_attribute("disabled")


def test_the_microphone_is_heard(page: webdriver.Chrome, served: Served) -> None:
    click(page, "button[aria-label='Record audio']")
    click(page, "button.record-button")
    time.sleep(2)
    click(page, "button.stop-button")

    base, tuned, taken = heard(page)

    assert (base, tuned) == ("One [two] 440 four", "one [too] 440 [for] four")
    assert float(taken.split()[0]) >= 1
    assert served.kept() == []


def test_nothing_is_asked_of_the_network(page: webdriver.Chrome, served: Served, tmp_path: Path) -> None:
    upload(page, write_tone(tmp_path / "tone.wav"))
    heard(page)

    messages = [json.loads(entry["message"])["message"] for entry in logged(page, "performance")]
    asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    assert {urlparse(url).netloc for url in asked} - {""} == {urlparse(served.address).netloc}
    assert [entry for entry in logged(page, "browser") if entry["level"] == "SEVERE"] == []


def test_what_is_too_long_or_no_sound_is_told_and_not_kept(page: webdriver.Chrome, served: Served, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(61 * 8_000, np.float32), 8_000)
    upload(page, tmp_path / "long.flac")
    click(page, "button.primary")

    assert "61 s are too long: the page takes 60 s, commands.transcribe any length." in told(page)
    assert served.kept() == []

    page.get(served.address)
    (tmp_path / "text.mp3").write_text("no sound at all")
    upload(page, tmp_path / "text.mp3")
    click(page, "button.primary")

    assert "Invalid data found when processing input" in told(page)
    assert served.kept() == []


def test_what_is_too_large_is_not_taken(page: webdriver.Chrome, served: Served, tmp_path: Path) -> None:
    (tmp_path / "large.wav").write_bytes(bytes(26 * 2**20))
    upload(page, tmp_path / "large.wav")

    assert told(page).endswith('File(s) exceed the maximum allowed size of 25.0 Mb: "large.wav"')
    assert refusal(served, (tmp_path / "large.wav").read_bytes()) == 413
    assert served.kept() == []


def refusal(served: Served, content: bytes) -> int:
    """What the server itself answers to an upload."""
    head = '--part\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    body = head.encode() + content + b"\r\n--part--\r\n"
    asked = Request(f"{served.address}gradio_api/upload", body, {"Content-Type": "multipart/form-data; boundary=part"})
    with pytest.raises(HTTPError) as refused:
        urlopen(asked)
    return refused.value.code


def test_one_is_heard_at_a_time(page: webdriver.Chrome, served: Served, tmp_path: Path) -> None:
    ear = served.ears[0]
    ear.at_once.clear()
    ear.seconds = 1.0
    tabs = [page.current_window_handle]
    page.switch_to.new_window("tab")
    tabs.append(page.current_window_handle)
    page.get(served.address)
    for tab, hertz in zip(tabs, (500, 600), strict=True):
        page.switch_to.window(tab)
        upload(page, write_tone(tmp_path / f"{hertz}.wav", hertz=hertz))
        click(page, "button.primary")
    try:
        for tab, hertz in zip(tabs, (500, 600), strict=True):
            page.switch_to.window(tab)
            WebDriverWait(page, SECONDS).until(lambda _: "of sound" in page.find_element(By.ID, "taken").text)
            assert f"{hertz}" in coloured(page, "base")
    finally:
        page.close()
        page.switch_to.window(tabs[0])
        ear.seconds = 0.0
    assert ear.at_once == [1, 1]


def test_only_this_machine_can_open_it(served: Served) -> None:
    assert urlparse(served.address).hostname == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", served.port), timeout=5)


def test_a_port_that_is_taken_is_told(served: Served) -> None:
    pair = Pair(("a", "b"), cast(tuple[Listener, Listener], served.ears), basic_english)

    with pytest.raises(DataError, match=r"^port \d+ is taken; choose another with --port$"), serving(pair, served.port):
        pass
