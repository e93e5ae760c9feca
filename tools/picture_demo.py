"""Take the picture of the page to try a model, once it has heard a clip.

    make demo                                                          (in another terminal, until it says its address)
    python -m tools.picture_demo data/sample/audios/332.mp3            (docs/demo.png)

It needs Chromium and its driver (`apt-get install chromium chromium-driver`).
"""

import argparse
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

OPTIONS = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking --window-size=1100,760"
SECONDS = 120
BUTTON = "button.primary:not([disabled])"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--out", type=Path, default=Path("docs/demo.png"))
    arguments = parser.parse_args()
    options = webdriver.ChromeOptions()
    for option in OPTIONS.split():
        options.add_argument(option)
    browser = webdriver.Chrome(options, Service(executable_path="/usr/bin/chromedriver"))
    try:
        take(browser, arguments.url, arguments.clip, arguments.out)
    finally:
        browser.quit()


def take(browser: webdriver.Chrome, url: str, clip: Path, out: Path) -> None:
    """Upload, have it heard, wait for both texts."""
    wait = WebDriverWait(browser, SECONDS)
    browser.get(url)
    field = wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "input[type=file]"))
    field[0].send_keys(str(clip.resolve()))
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, BUTTON))
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "button[aria-label=Play]"))
    browser.execute_script(f"document.querySelector('{BUTTON}').click()")
    wait.until(lambda page: "of sound" in page.find_element(By.ID, "taken").text)
    browser.execute_script("document.activeElement.blur()")
    browser.save_screenshot(str(out))


if __name__ == "__main__":
    main()
