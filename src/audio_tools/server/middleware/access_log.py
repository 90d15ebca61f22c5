"""Access log: one line per request and per closed WebSocket, with a request id."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audio_tools.logs import log_context
from audio_tools.redaction import redact
from audio_tools.server.uvicorn_ext.interface import BYTES_READ

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Valid client request ids: they are logged, so no spaces, quotes or line breaks."""
LONGEST_PATH = 500

log = logging.getLogger(__name__)


class AccessLog:
    """
    The outermost ASGI middleware, so that it logs refused requests, and what the client gets.

    Sets `scope["state"]["request_id"]`, sends it as `X-Request-Id`, and adds it to every log line of the
    request. `scope["state"]["refused"]`, set by a middleware or handler, is logged as well.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        with log_context(request_id=exchange.request_id):
            try:
                await self._app(scope, exchange.receive, exchange.send)
            except Exception as error:
                exchange.fail(error)
                # Once the response is complete, the exception matters only to the log.
                if not exchange.answered:
                    raise
            finally:
                exchange.log_end()


class _Exchange:
    """A request or WebSocket connection from its first to its last message."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request_id = _request_id(scope)
        self.answered = False
        self._failure: Exception | None = None
        self._state: dict[str, Any] = scope.setdefault("state", {})
        self._state["request_id"] = self.request_id
        self._facts = _facts(scope)
        self._websocket = scope["type"] == "websocket"
        self._receive, self._send = receive, send
        self._started = time.perf_counter()
        self._bytes_in = 0
        self._status: int | None = None
        self._close_code: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes_in += len(message.get("body", b""))
        elif message["type"] == "websocket.disconnect":
            self._closed(message.get("code", 1005))
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start", "websocket.accept"}:
            named = (b"x-request-id", self.request_id.encode())
            message = {**message, "headers": [*message.get("headers", ()), named]}
        await self._send(message)
        if kind == "websocket.accept":
            self._status = 101
            log.info("websocket opened", extra=self._facts)
        elif kind == "websocket.close":
            self._status = self._status or 403
            self._closed(message.get("code", 1000))
        elif kind.endswith("http.response.start"):
            self._status = message["status"]
        elif kind.endswith("http.response.body"):
            self.answered = not message.get("more_body", False)

    def fail(self, error: Exception) -> None:
        """Record the exception that ended the exchange, except for a disconnected WebSocket client."""
        if not (self._websocket and isinstance(error, OSError)):
            self._failure = error

    def log_end(self) -> None:
        """Write the log line. Call it once, at the end."""
        facts = self._facts | {
            "status": self._status,
            "duration_ms": round((time.perf_counter() - self._started) * 1000, 1),
        }
        if "refused" in self._state:
            facts["refused"] = self._state["refused"]
        if self._websocket:
            event = "websocket closed" if self._status == 101 else "websocket refused"
            facts["close_code"] = self._close_code
        else:
            event, facts["bytes_in"] = "request", self._bytes_in + self._state.get(BYTES_READ, 0)
        failed = self._failure is not None or (self._status or 0) >= 500
        log.log(logging.ERROR if failed else logging.INFO, event, extra=facts, exc_info=self._failure)

    def _closed(self, code: int) -> None:
        # The first close has the reason; the second one is its echo.
        if self._close_code is None:
            self._close_code = code


def _facts(scope: Scope) -> dict[str, object]:
    client = scope.get("client")
    # Keep the percent-encoding: a decoded path may contain a line break.
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return {
        "method": scope.get("method", "GET"),
        "path": redact(f"{path}?{query}" if query else path)[:LONGEST_PATH],
        "client": f"{client[0]}:{client[1]}" if client else None,
    }


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and (given := REQUEST_ID.fullmatch(value.decode("latin-1"))):
            return given[0]
    return secrets.token_hex(8)
