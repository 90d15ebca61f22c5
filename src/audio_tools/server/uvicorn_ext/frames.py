"""
Send one WebSocket frame to many clients, serialised once and written directly.

Starlette and uvicorn serialise and frame a message for each client, which takes longer than writing it
(benchmarks/bench_sockets.py). This ASGI extension accepts finished frames. It depends on internals of uvicorn
and is therefore optional: without `FramesProtocol` everything works, only slower.
"""

from __future__ import annotations

from http import HTTPStatus

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from audio_tools.server.error_responses import error_response
from audio_tools.server.uvicorn_ext.interface import FRAMES, BadHandshake, UpgradeRequired


class FramesProtocol(WebSocketsSansIOProtocol):
    """For `uvicorn.Config(ws=FramesProtocol)`: offers FRAMES, and refuses handshakes as other requests."""

    def handle_connect(self, event: Request) -> None:
        accept = self.conn.accept
        self.conn.accept = lambda request: _in_our_shape(accept(request))  # type: ignore[method-assign]
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            # The app has been created, but has not run. The type requires a dict of options for each
            # extension.
            self.scope["extensions"][FRAMES] = self.write_frame  # type: ignore[assignment]

    async def write_frame(self, frame: bytes) -> None:
        """
        Write a frame once the send buffer of a slow client has drained. Raises OSError if it disconnected.
        """
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frame)


def _in_our_shape(response: Response) -> Response:
    """The same response, but a refusal with the JSON body of every error."""
    if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
        return response
    said = bytes(response.body or b"").decode(errors="replace").strip()
    version = "Sec-WebSocket-Version" in said and "invalid" in said
    refusal = error_response(UpgradeRequired(said) if version else BadHandshake(said))
    headers = Headers({name.decode(): value.decode() for name, value in refusal.raw_headers})
    headers["Connection"] = "close"
    if version:
        headers["Sec-WebSocket-Version"] = "13"  # RFC 6455, section 4.4
    status = HTTPStatus(refusal.status_code)
    return Response(status, status.phrase, headers, bytes(refusal.body))
