"""HEAD for every GET route, as required by RFC 9110, section 9.1."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadAsGet:
    """
    ASGI middleware: handles HEAD as GET; the server omits the body.

    Below `uploads`, HEAD is defined by tus.
    """

    def __init__(self, app: ASGIApp, *, uploads: str) -> None:
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["method"] == "HEAD"
            and not scope["path"].startswith(self._uploads)
        ):
            # A stream of events has no end that could be waited for.
            scope = {**scope, "method": "GET", "state": {**scope.get("state", {}), "head": True}}
        await self._app(scope, receive, send)
