"""Which requests the page to try a model refuses, by what a browser says of them."""

import asyncio
from collections.abc import MutableMapping
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed: requirements-demo.txt")


def status(kind: str, **headers: str) -> int:
    """What is answered to a request; 200 is the app's own answer."""
    from commands.trying.origin import guards

    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: object, receive: object, send: object) -> None:
        sent.append({"status": 200})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    guarded: Any = app
    for guard in reversed(guards()):
        guarded = guard.cls(guarded, *guard.args, **guard.kwargs)
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(guarded({"type": kind, "headers": encoded, "extensions": {"websocket.http.response": {}}}, None, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "localhost:8000", "LocalHost:7860", "[::1]:7860"])
def test_this_machine_may_ask_under_each_of_its_names_and_at_any_port(kind: str, host: str) -> None:
    assert status(kind, host=host) == 200
    assert status(kind, host=host, origin=f"http://{host.lower()}") == 200


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", ["rebound.example:7860", "127.0.0.1.rebound.example", "localhost.rebound.example", "", "::1"])
def test_another_host_is_refused(kind: str, host: str) -> None:
    assert status(kind, host=host) == 400
    assert status(kind, host=host, origin=f"http://{host}") == 400


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin", ["http://other.example", "http://127.0.0.1:8000", "http://localhost:7860", "null", "", "127.0.0.1:7860"]
)
def test_another_origin_is_refused(kind: str, origin: str) -> None:
    assert status(kind, host="127.0.0.1:7860", origin=origin) == 403


def test_a_request_without_a_host_is_refused() -> None:
    assert status("http") == 400
