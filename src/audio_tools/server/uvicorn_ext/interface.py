"""
The interface of the extensions to the rest of the server; nothing here imports uvicorn.

An ASGI server offers an extension in `scope["extensions"]`; without it everything works, only slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from audio_tools.errors import MalformedRequest

SOCKET_BODY = "audio_tools.direct_body"
"""An extension: a function that returns the `DirectBody` of this request, or None."""
BYTES_READ = "audio_tools.direct_bytes"
"""In `scope["state"]`: number of body bytes that bypassed `receive`."""

HEAD_BYTES = 65_536
"""Maximum size of the headers, or of trailers and chunk framing, in bytes."""


class HeadTooLarge(MalformedRequest):
    """The request headers are too large."""

    code, status = "head_too_large", 431


class HeadTooLate(MalformedRequest):
    """The request headers took too long."""

    code, status = "head_too_late", 408


class BadHandshake(MalformedRequest):
    """The request is not a valid WebSocket handshake."""

    code = "bad_handshake"


class UpgradeRequired(BadHandshake):
    """The WebSocket version is not supported; `Sec-WebSocket-Version` names one that is."""

    code, status = "upgrade_required", 426


class DirectBody(Protocol):
    """The rest of one body, read by a thread. Always call `close`; see `socket_body.SocketBody`."""

    n_given: int

    def pour(self, sink: Callable[[bytes], None], idle_s: float) -> None:
        """Pass blocks to `sink` until the end, a disconnect, or `stop`. Blocks. Raises UploadTimeout."""
        ...

    def stop(self) -> None:
        """Make `pour` return soon. Thread-safe."""
        ...

    def close(self) -> None:
        """Return the connection. Call it on the event loop, after `pour` has returned."""
        ...
