"""What the page's server answers to clients that are no browser, or one that shows another page."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from commands.trying import page as module
from tests.demo_page import Served, serve
from tests.sounds import write_tone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed: requirements-demo.txt"),
]

REMOVED = "The recording has been removed, as nothing is kept: load it again."


@pytest.fixture(scope="module")
def pages() -> Iterator[list[Any]]:
    """Gradio's own object of each page that is served."""
    made: list[Any] = []
    build = module._page

    def noted(*arguments: Any) -> Any:
        made.append(build(*arguments))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_page", noted)
        yield made


@pytest.fixture(scope="module")
def served(pages: list[Any]) -> Iterator[Served]:
    with serve() as page:
        yield page


class Visitor:
    """Asks as the page does in a browser."""

    def __init__(self, served: Served, session: str) -> None:
        self.client = httpx.Client(base_url=f"{served.address}gradio_api/", timeout=60)
        self.session = session

    def upload(self, path: Path) -> str:
        """Upload a file, and have the page note it; where the server has put it."""
        answer = self.client.post("upload", files={"files": (path.name, path.read_bytes())})
        where = str(answer.json()[0])
        self.note(where)
        return where

    def note(self, path: str) -> None:
        """Say that a file has been loaded."""
        self.client.post("run/predict", json=self.event(0, path))

    def click(self, path: str) -> str:
        """What is said of it in the end: how long it took, or the error."""
        self.client.post("queue/join", json=self.event(1, path)).raise_for_status()
        with self.client.stream("GET", "queue/data", params={"session_hash": self.session}) as answer:
            for line in answer.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("msg") == "process_completed":
                    output = message["output"]
                    return str(output["data"][2] if message["success"] else output["error"])
        raise AssertionError("no answer")

    def event(self, number: int, path: str) -> dict[str, Any]:
        """What the page sends: 0 when a file has been loaded, 1 when the button is clicked."""
        data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
        return {"fn_index": number, "data": data, "session_hash": self.session}


@pytest.fixture
def one(served: Served) -> Visitor:
    return Visitor(served, "one")


@pytest.fixture
def two(served: Served) -> Visitor:
    return Visitor(served, "two")


def test_equal_recordings_of_three_visitors_are_all_heard_and_then_gone(served: Served, tmp_path: Path) -> None:
    tone = write_tone(tmp_path / "tone.wav")
    visitors = [Visitor(served, f"visitor {number}") for number in range(3)]
    paths = [visitor.upload(tone) for visitor in visitors]
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(Visitor.click, visitors, paths))

    assert len(set(paths)) == 1
    assert ["of sound: base" in each for each in said] == [True, True, True], said
    assert served.kept() == []


def test_an_uploads_folder_is_refused_and_nothing_is_removed(
    served: Served, one: Visitor, two: Visitor, tmp_path: Path
) -> None:
    own, other = (
        visitor.upload(write_tone(tmp_path / f"{hertz}.wav", hertz=hertz)) for visitor, hertz in ((one, 500), (two, 600))
    )

    one.note(str(Path(own).parent))

    assert one.click(str(Path(own).parent)) == REMOVED
    assert {str(path) for path in served.kept()} == {own, other}
    assert "of sound" in one.click(own)
    assert "of sound" in two.click(other)
    assert served.kept() == []


def test_another_visitors_recording_is_refused_and_stays(served: Served, one: Visitor, two: Visitor, tmp_path: Path) -> None:
    path = two.upload(write_tone(tmp_path / "tone.wav"))

    assert one.click(path) == REMOVED
    assert "of sound" in two.click(path)
    assert served.kept() == []


def test_a_file_elsewhere_is_refused_and_stays(one: Visitor, tmp_path: Path) -> None:
    tone = write_tone(tmp_path / "tone.wav")

    one.note(str(tone))

    assert "of sound" not in one.click(str(tone))
    assert tone.is_file()


def test_what_nobody_hears_is_cleared_also_after_a_folder_was_named(
    served: Served, pages: list[Any], one: Visitor, tmp_path: Path
) -> None:
    from gradio.route_utils import delete_files_created_by_app

    path = one.upload(write_tone(tmp_path / "tone.wav"))
    one.note(str(Path(path).parent))
    one.click(str(Path(path).parent))

    delete_files_created_by_app(pages[0], age=None)

    assert served.kept() == []
    assert one.click(path) == REMOVED


@pytest.mark.parametrize("route", ["", "config", "gradio_api/queue/data?session_hash=a", "gradio_api/upload"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example:{port}"}, 400),
        ({"Host": "127.0.0.1.rebound.example"}, 400),
        ({"Origin": "http://other.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://localhost:{port}"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_what_another_page_has_a_browser_ask_is_refused(
    served: Served, route: str, headers: dict[str, str], status: int
) -> None:
    filled = {name: value.format(port=served.port) for name, value in headers.items()}
    files = {"files": ("a.wav", b"sound")} if route.endswith("upload") else None

    answer = httpx.request("POST" if files else "GET", served.address + route, headers=filled, files=files)

    assert answer.status_code == status
    assert served.kept() == []


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:8000"])
def test_the_page_itself_is_answered_under_each_name_of_this_machine_and_any_port(served: Served, host: str) -> None:
    name = host.format(port=served.port)

    answer = httpx.get(f"{served.address}config", headers={"Host": name, "Origin": f"http://{name.lower()}"})

    assert answer.status_code == 200
