"""uvicorn's HTTP protocol with limits for slow, oversized and malformed requests."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from audio_tools.errors import MalformedRequest
from audio_tools.server.error_responses import error_response
from audio_tools.server.uvicorn_ext.interface import HEAD_BYTES, HeadTooLarge, HeadTooLate

HEAD_S = 10.0
"""Timeout of the request headers in seconds, from the connection or from their first byte."""
SEPARATORS = 4
"""Bytes of a header besides name and value: a colon, a blank, and the end of the line."""


class HttpProtocol(HttpToolsProtocol):
    """
    For `uvicorn.Config(http=HttpProtocol)`: limits the request headers in time and size.

    Invalid HTTP gets the usual JSON error, and a complete request gets its response even if garbage
    follows, as after a Content-Length that is too small.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _in_head = False
    _digesting = 0
    _head_bytes = 0
    _refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._digesting += len(data)
        super().data_received(data)
        if self._digesting > HEAD_BYTES:
            self._refuse(_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._expect_head()

    def on_url(self, url: bytes) -> None:
        self._head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + SEPARATORS
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        self._digesting = 0
        if self._head_bytes > HEAD_BYTES:  # it came in one piece, and the next one is only counted now
            self._refused = True
            self._refuse(_too_large())
            return
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.__class__ = _UntilClosed  # its task runs later

    def on_body(self, body: bytes) -> None:
        self._digesting = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._digesting = 0
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        del msg  # httptools reports the same message for any error.
        self._refuse(MalformedRequest("The request is not valid HTTP/1.1."))

    def _expect_head(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEAD_S, self._close_stalled)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_stalled(self) -> None:
        if self._in_head:
            self._refuse(HeadTooLate(f"The request headers took longer than {HEAD_S:g} seconds."))
        else:
            # Browsers preconnect, and would take this response for that of their next request.
            self.transport.close()

    def _refuse(self, error: MalformedRequest) -> None:
        """Close the connection with an error response, after the responses to earlier requests."""
        if self.transport.is_closing():
            return
        if self._is_answering():
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        response = error_response(error)
        if self.pipeline:
            # Earlier requests wait as well: in its turn this one is answered as by an app, if of other types.
            self.cycle.more_body = self.cycle.keep_alive = False
            self.pipeline[0] = (self.cycle, response)  # type: ignore[assignment]
            return
        lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode(), b"connection: close"]
        lines += [name + b": " + value for name, value in response.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.close()

    def _is_answering(self) -> bool:
        """Whether the app has received a whole request, or has started its response."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return cycle.response_started or not cycle.more_body


class _UntilClosed(RequestResponseCycle):
    """The response to an HTTP/1.0 client, which knows no chunks: the connection is the end of the body."""

    _without_length = False

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            self._without_length = b"content-length" not in names
            self.chunked_encoding = False if self._without_length else None
        elif message["type"] == "http.response.body" and self._without_length:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(f"The request headers are larger than {HEAD_BYTES} bytes.")
