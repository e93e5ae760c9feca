"""Who may ask the page: browsers on this machine, for the page itself; not other pages that they show."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""With any port, as one that is forwarded through SSH may be another."""


class SameOrigin:
    """Refuses what another page has a browser ask; a browser says so in `Origin`, and other clients send none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or pass on to the app."""
        headers = Headers(scope=scope) if scope["type"] in ("http", "websocket") else Headers()
        origin = headers.get("origin")
        if origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower():
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse("Asked by another page", status_code=403)(scope, receive, send)


def guards() -> list[Middleware]:
    """What stands before the app: a page elsewhere can give its own name this machine's address, so `Host` counts, too."""
    return [Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False), Middleware(SameOrigin)]
