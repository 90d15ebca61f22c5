"""
Choose between the extensions and uvicorn's own protocols, by trying the extensions at start.

They use internals of uvicorn, which a release may change: a self-check runs a request and a handshake through
each in memory. One that fails is replaced and logged, and the service works without it, only slower.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from audio_tools.server.uvicorn_ext.interface import HEAD_BYTES, SOCKET_BODY, BadHandshake

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CHECK_S = 5.0
"""Time limit of one self-check in seconds; it takes milliseconds."""

log = logging.getLogger(__name__)

ProtocolClass = Any
"""uvicorn takes a protocol by class or by name."""


@dataclass(frozen=True, slots=True)
class Protocols:
    """Arguments `http` and `ws` of `uvicorn.Config`."""

    http: ProtocolClass = "httptools"
    ws: ProtocolClass = "websockets-sansio"


async def choose_protocols() -> Protocols:
    """Return the extensions that work with the installed uvicorn, and its own protocols for the others."""
    plain = Protocols()
    http = await _working("HTTP", _load_http, check_http)
    ws = await _working("WebSocket", _load_ws, check_ws)
    return Protocols(http or plain.http, ws or plain.ws)


def _load_http() -> ProtocolClass:
    from audio_tools.server.uvicorn_ext.socket_body import SocketBodyProtocol

    return SocketBodyProtocol


def _load_ws() -> ProtocolClass:
    from audio_tools.server.uvicorn_ext.handshake import HandshakeProtocol

    return HandshakeProtocol


async def _working(
    subject: str, load: Callable[[], ProtocolClass], check: Callable[[ProtocolClass], Any]
) -> ProtocolClass | None:
    try:
        protocol = load()
        with _quiet():
            async with asyncio.timeout(CHECK_S):
                await check(protocol)
    except Exception as error:
        log.warning(
            "%s extension does not work with uvicorn %s, using uvicorn's own protocol: %r",
            subject,
            uvicorn.__version__,
            error,
        )
        return None
    return protocol


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the requests of a self-check out of the log."""
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "uvicorn.access")]
    for each in loggers:
        each.disabled = True
    try:
        yield
    finally:
        for each in loggers:
            each.disabled = False


async def check_http(protocol: ProtocolClass) -> None:
    """Run a request and an oversized one through the protocol; raises what goes wrong."""
    offered: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        offered.append(scope["extensions"][SOCKET_BODY]() is None)  # a small body is not taken over
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": body})

    request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
    config = uvicorn.Config(app, http=protocol, lifespan="off", log_config=None)
    answer = await _converse(config, request)
    _require(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"body"), "a request", answer)
    _require(offered == [True], "the offer of the socket", answer)
    oversized = b"GET / HTTP/1.1\r\nHost: " + b"x" * HEAD_BYTES + b"\r\n\r\n"
    answer = await _converse(config, oversized)
    _require(answer.startswith(b"HTTP/1.1 431 "), "an oversized head", answer)


async def check_ws(protocol: ProtocolClass) -> None:
    """Run a handshake and a refused one through the protocol; raises what goes wrong."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})

    config = uvicorn.Config(app, ws=protocol, lifespan="off", log_config=None, ws_per_message_deflate=False)
    answer = await _converse(config, HANDSHAKE, of="ws")
    _require(answer.startswith(b"HTTP/1.1 101 ") and b"hello" in answer, "a handshake", answer)
    answer = await _converse(config, HANDSHAKE.replace(b"Sec-WebSocket-Key", b"X-Other"), of="ws")
    _require(BadHandshake.code.encode() in answer, "a handshake without a key", answer)


def _require(passed: bool, what: str, answer: bytes) -> None:
    if not passed:
        raise RuntimeError(f"{what} was answered with {answer[:100]!r}")


class _Wire(asyncio.Transport):
    """A connection in memory: collects what the protocol writes."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = bytearray()
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


async def _converse(config: uvicorn.Config, request: bytes, *, of: str = "http") -> bytes:
    """Send bytes through a protocol; returns its answer once the app has ended."""
    if not config.loaded:
        config.load()
    state, wire = ServerState(), _Wire()
    make: Any = config.http_protocol_class if of == "http" else config.ws_protocol_class
    protocol = make(config=config, server_state=state, app_state={})
    protocol.connection_made(wire)
    protocol.data_received(request)
    await asyncio.gather(*state.tasks)
    protocol.connection_lost(None)
    return bytes(wire.written)
