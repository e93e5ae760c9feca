"""Chromium without a screen, for the tests of pages; where it is missing, they are skipped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

DRIVER = Path("/usr/bin/chromedriver")
OPTIONS = """
    --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required
""".split()


@contextmanager
def chromium(folder: Path, *more: str) -> Iterator[webdriver.Chrome]:
    """A browser with a profile in `folder`, which logs what pages say and ask for; `more` are options of Chromium's."""
    if not DRIVER.exists():
        pytest.skip(f"{DRIVER} is not there: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    for option in [*OPTIONS, *more, f"--user-data-dir={folder / 'profile'}"]:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(executable_path=str(DRIVER)))
    yield driver
    driver.quit()


def logged(page: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    """What was logged since this was asked last."""
    entries: list[dict[str, Any]] = page.get_log(kind)  # type: ignore[no-untyped-call]
    return entries
