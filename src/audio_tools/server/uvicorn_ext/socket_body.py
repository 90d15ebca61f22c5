"""
Large bodies past the event loop: a thread reads the socket itself.

On its way through asyncio, llhttp and uvicorn a body is copied four times in small pieces, which costs more
than to parse and write it (benchmarks/bench_upload.py). So an ASGI extension hands the socket to whoever
takes in a large body. It reaches into uvicorn, and therefore stands apart: with `HttpProtocol` in the place
of `SocketBodyProtocol` everything works as well, only slower.
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

EXTENSION = "audio_tools.direct_body"
"""In `scope["extensions"]`: a function that gives the DirectBody of this request, or None."""
BYTES_READ = "audio_tools.direct_bytes"
"""In `scope["state"]`: how many bytes of this request's body went past `receive`."""
WORTH_BYTES = 4 << 20
"""With less to come a body goes the ordinary way to its end."""
AT_ONCE = 8
"""Bodies that are read directly at the same time: each keeps a thread, the others go the ordinary way."""
RECEIVE_BYTES = 1 << 20


class SocketBodyProtocol(HttpProtocol):
    """For `uvicorn.Config(http=DirectProtocol)`: HttpProtocol that offers EXTENSION."""

    at_once: ClassVar[int] = 0
    _n_body_bytes = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._n_body_bytes = 0
        # The type wants a dict of options for each; the specification lets servers put in what they like.
        self.scope["extensions"] = {EXTENSION: self.take_over}  # type: ignore[dict-item]

    def on_body(self, body: bytes) -> None:
        self._n_body_bytes += len(body)
        super().on_body(body)

    def take_over(self) -> SocketBody | None:
        """The rest of the body that is being received; None where that is no gain or not possible (TLS)."""
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
        """Take the connection back, behind the body or, not `complete`, at a place nobody knows any more."""
        if complete:
            # The parser still waits for bytes that it never saw: the next request gets a new one.
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
    """The rest of one body. `close` it whatever happens: until then the connection is deaf."""

    def __init__(self, protocol: SocketBodyProtocol, came: bytes, n_bytes: int) -> None:
        """`came` goes before the `n_bytes` that the socket still holds; `n_given` bytes went to a sink."""
        self._protocol = protocol
        self.n_given = 0
        self._came = came
        self._n_bytes = n_bytes
        self._stopped = False
        # A descriptor of our own: the event loop may close its one at any time.
        self._socket = socket.socket(fileno=os.dup(protocol.transport.get_extra_info("socket").fileno()))
        SocketBodyProtocol.at_once += 1

    def pour(self, sink: Callable[[bytes], None], idle_s: float) -> None:
        """
        Give the blocks to `sink` until the last one, the client's hanging up, or `stop`. Blocks.

        Raises:
            UploadTimeout: nothing came for `idle_s` seconds.
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
        """Have `pour` return soon; from any thread."""
        self._stopped = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Give the connection back; on the event loop, once `pour` has returned."""
        self._socket.close()
        SocketBodyProtocol.at_once -= 1
        self._protocol.go_on(complete=self._n_bytes == 0)
