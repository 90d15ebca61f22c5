"""HEAD for every route that answers GET, as RFC 9110 (section 9.1) wants it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadAsGet:
    """
    ASGI middleware: answers HEAD with the head of the answer to a GET; the server leaves out the body.

    Below `uploads` it is the protocol of the uploads that says what HEAD is.
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
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
