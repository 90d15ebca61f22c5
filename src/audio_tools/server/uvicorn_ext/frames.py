"""
WebSocket messages that hundreds of clients get: made once, and written without a detour.

On its way through Starlette and uvicorn a message is made and packed for each client anew, which takes longer
than to write it (benchmarks/bench_sockets.py). So an ASGI extension takes finished frames. It reaches into
uvicorn, and therefore stands apart: without `FramesProtocol` everything works as well, only slower.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property

from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

EXTENSION = "audio_tools.frames"
"""In `scope["extensions"]`: a function that writes a frame to an open WebSocket."""


class TextMessage:
    """A message, and the frame that carries it to clients, whose number does not matter."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def frame(self) -> bytes:
        """RFC 6455, section 5.2: one frame, not masked, not compressed."""
        return Frame(Opcode.TEXT, self.text.encode()).serialize(mask=False)


class FramesProtocol(WebSocketsSansIOProtocol):
    """For `uvicorn.Config(ws=FramesProtocol)`: offers EXTENSION."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            # The app is started by now, but has not run. The type wants a dict of options for each.
            self.scope["extensions"][EXTENSION] = self.write_frame  # type: ignore[assignment]

    async def write_frame(self, frame: bytes) -> None:
        """Write a frame, once a slow client has taken what is on its way. Raises OSError if it has gone."""
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frame)


def sender(socket: WebSocket) -> Callable[[TextMessage], Awaitable[None]]:
    """What sends messages to an open WebSocket the shortest way. It raises OSError or WebSocketDisconnect."""
    write = socket.scope.get("extensions", {}).get(EXTENSION)
    if write is None:
        return lambda message: socket.send_text(message.text)
    return lambda message: write(message.frame)
