"""Read request bodies in large blocks with an idle timeout, and drain them after an error."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audio_tools.errors import MalformedUpload, UnsupportedMediaType, UploadError, UploadTimeout
from audio_tools.server.uvicorn_ext.interface import BYTES_READ, SOCKET_BODY, DirectBody
from audio_tools.storage import Uploads

BLOCK_BYTES = 1 << 20
"""Bytes collected before a thread writes them; at 1 MiB the cost of the thread is not measurable."""
DRAIN_S = 2.0
"""How long a client may continue to send after an error before the connection is closed, in seconds."""


class ClientGone(Exception):
    """The client disconnected; no response can be sent."""


class Body:
    """
    The blocks of a body, as an asynchronous iterator: about BLOCK_BYTES each, the last one smaller.

    Bytes received before an error are returned first, then the error is raised:

    Raises:
        UploadTimeout: no data for `idle_s` seconds, not counting the time that a block is processed.
        ClientGone: the client disconnected before the end.
        UploadError: the error passed to `interrupt`.
    """

    def __init__(self, receive: Receive, idle_s: float, scope: Scope | None = None) -> None:
        """With `scope`, `pour` uses the extension of `uvicorn_ext/socket_body.py` if the server has it."""
        self._receive = receive
        self._idle_s = idle_s
        self._ended = False
        self._error: Exception | None = None
        self._limit: asyncio.Timeout | None = None
        self._state = {} if scope is None else scope.setdefault("state", {})
        self._take_over = (scope or {}).get("extensions", {}).get(SOCKET_BODY)
        self._direct: DirectBody | None = None

    def interrupt(self, error: UploadError) -> None:
        """Raise `error` in the reader at once instead of returning more blocks."""
        self._error = error
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(0)
        if self._direct is not None:
            self._direct.stop()

    async def pour(self, sink: Callable[[bytes], None], uploads: Uploads) -> None:
        """
        Pass every block to `sink`, in a thread of `uploads`. Raises the errors of iteration and of `sink`.
        """
        async for block in self:
            await uploads.run(sink, block)
            # Not after an error during the last write, since the thread could no longer be stopped.
            wants_more = not self._ended and self._error is None
            self._direct = self._take_over() if self._take_over and wants_more else None
            if self._direct is not None:
                try:
                    await uploads.run_until(self._direct.stop, self._direct.pour, sink, self._idle_s)
                finally:
                    self._direct.close()
                    self._state[BYTES_READ] = self._state.get(BYTES_READ, 0) + self._direct.n_given
                    self._direct = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        pieces: list[bytes] = []
        try:
            if self._error is None:
                await self._gather(pieces)
        except TimeoutError:
            self._error = self._error or UploadTimeout(self._idle_s)
        except ClientGone as gone:
            self._error = gone
        if any(pieces):
            return b"".join(pieces)
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def _gather(self, pieces: list[bytes]) -> None:
        clock = asyncio.get_running_loop().time
        missing = BLOCK_BYTES
        try:
            async with asyncio.timeout(self._idle_s) as self._limit:
                while missing > 0 and not self._ended:
                    pieces.append(await self._next_piece())
                    missing -= len(pieces[-1])
                    if self._error is None:
                        self._limit.reschedule(clock() + self._idle_s)
        finally:
            self._limit = None

    async def _next_piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._ended = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


class LingeringClose:
    """
    ASGI middleware: lingering close, so that a client that is still sending can read the response.

    Closing a connection with unread bytes resets it, which discards the response in transit. Therefore the
    response is sent first, then further bytes are dropped for a moment, then the connection is closed.
    Must wrap everything that responds before it has read the body.
    """

    def __init__(self, app: ASGIApp, drain_s: float = DRAIN_S) -> None:
        self._app = app
        self._drain_s = drain_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(Headers(scope=scope)):
            return await self._app(scope, receive, send)
        coming = True

        async def receive_watched() -> Message:
            nonlocal coming
            message = await receive()
            coming = message.get("more_body", False)
            return message

        async def drain() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._drain_s):
                    while coming:
                        await receive_watched()

        async def send_lingering(message: Message) -> None:
            if coming and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            elif coming and message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await drain()
                message = {"type": "http.response.body"}
            await send(message)

        return await self._app(scope, receive_watched, send_lingering)


def has_body(headers: Headers) -> bool:
    """Whether the request has a body."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def require_plain_body(headers: Headers) -> None:
    """Raise UnsupportedMediaType for a compressed body: it would be taken for what it holds."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", ""}:
        raise UnsupportedMediaType(
            f"The Content-Encoding {coding[:40]} is not supported.", hint="Send the body uncompressed."
        )


def content_length(headers: Headers) -> int | None:
    """Return Content-Length in bytes; None for chunked bodies. Raises MalformedUpload."""
    if "transfer-encoding" in headers or "content-length" not in headers:
        return None
    return parse_size(headers["content-length"], "Content-Length")


def parse_size(text: str, header: str) -> int:
    """Parse a number of bytes from a header. Raises MalformedUpload if it is invalid."""
    if not re.fullmatch("[0-9]{1,18}", text):
        raise MalformedUpload(f"{header} must be a number of bytes, not {text[:40]!r}.")
    return int(text)
