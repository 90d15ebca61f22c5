"""
Read large bodies outside the event loop: a thread reads the socket directly.

asyncio, llhttp and uvicorn copy a body four times in small pieces, which costs more than parsing and writing
it (benchmarks/bench_upload.py). This ASGI extension hands over the socket for large bodies. It depends on
internals of uvicorn and is therefore optional: with `HttpProtocol` instead of `SocketBodyProtocol` everything
works, only slower.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

import httptools

from audio_tools.errors import UploadTimeout
from audio_tools.server.uvicorn_ext.http_protocol import HttpProtocol
from audio_tools.server.uvicorn_ext.interface import SOCKET_BODY

WORTH_BYTES = 4 << 20
"""Smaller remainders of a body are read the ordinary way."""
AT_ONCE = 8
"""Maximum number of concurrent direct reads, each in a thread; others are read the ordinary way."""
RECEIVE_BYTES = 1 << 20


class SocketBodyProtocol(HttpProtocol):
    """For `uvicorn.Config(http=SocketBodyProtocol)`: HttpProtocol that offers SOCKET_BODY."""

    at_once: ClassVar[int] = 0
    _n_body_bytes = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._n_body_bytes = 0
        # The type requires a dict of options for each extension; the specification allows any value.
        self.scope["extensions"] = {SOCKET_BODY: self.take_over}  # type: ignore[dict-item]

    def on_body(self, body: bytes) -> None:
        self._n_body_bytes += len(body)
        super().on_body(body)

    def take_over(self) -> SocketBody | None:
        """Return the rest of the current body; None if there is no gain, or with TLS."""
        rest = self._announced_bytes() - self._n_body_bytes
        encrypted = self.transport.get_extra_info("ssl_object") is not None
        if rest < WORTH_BYTES or encrypted or self.at_once >= AT_ONCE or self.transport.is_closing():
            return None
        if os.name == "nt":  # its loop always has a read under way, whose bytes would be lost
            return None
        self.flow.pause_reading()
        came, self.cycle.body = bytes(self.cycle.body), bytearray()
        return SocketBody(self, came, rest)

    def go_on(self, *, complete: bool) -> None:
        """Resume the connection after the body, or, if not `complete`, at an unknown position."""
        if complete:
            # The parser still waits for bytes that it never received: use a new one for the next request.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.cycle.more_body = False
            self.cycle.message_event.set()
        else:
            self.cycle.keep_alive = False

    def _announced_bytes(self) -> int:
        headers = dict(self.headers)
        return 0 if b"transfer-encoding" in headers else int(headers.get(b"content-length", 0))


class SocketBody:
    """The rest of one body. Always call `close`: until then the connection reads nothing else."""

    def __init__(self, protocol: SocketBodyProtocol, came: bytes, n_bytes: int) -> None:
        """`came` precedes the `n_bytes` still in the socket; `n_given` bytes were passed to a sink."""
        self._protocol = protocol
        self.n_given = 0
        self._came = came
        self._n_bytes = n_bytes
        self._stopped = False
        # A duplicate descriptor: the event loop may close its own at any time.
        self._socket = socket.socket(fileno=os.dup(protocol.transport.get_extra_info("socket").fileno()))
        SocketBodyProtocol.at_once += 1

    def pour(self, sink: Callable[[bytes], None], idle_s: float) -> None:
        """
        Pass blocks to `sink` until the end, a disconnect, or `stop`. Blocks.

        Raises:
            UploadTimeout: no data for `idle_s` seconds.
        """
        self._socket.settimeout(idle_s)
        if self._came:
            self.n_given += len(self._came)
            sink(self._came)
        while self._n_bytes and not self._stopped:
            try:
                block = self._socket.recv(min(RECEIVE_BYTES, self._n_bytes))
            except TimeoutError:
                raise UploadTimeout(idle_s) from None
            except OSError:
                return
            if not block:
                return
            self._n_bytes -= len(block)
            self.n_given += len(block)
            sink(block)

    def stop(self) -> None:
        """Make `pour` return soon. Thread-safe."""
        self._stopped = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Return the connection. Call it on the event loop, after `pour` has returned."""
        self._socket.close()
        SocketBodyProtocol.at_once -= 1
        self._protocol.go_on(complete=self._n_bytes == 0)
