"""
Answer refused WebSocket handshakes with the JSON body of every error.

It depends on internals of uvicorn and is therefore optional: without it a refusal is plain text.
"""

from __future__ import annotations

from http import HTTPStatus

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from audio_tools.server.error_responses import error_response
from audio_tools.server.uvicorn_ext.interface import BadHandshake, UpgradeRequired


class HandshakeProtocol(WebSocketsSansIOProtocol):
    """For `uvicorn.Config(ws=HandshakeProtocol)`: refuses handshakes as other requests are refused."""

    def handle_connect(self, event: Request) -> None:
        accept = self.conn.accept
        self.conn.accept = lambda request: _as_error_body(accept(request))  # type: ignore[method-assign]
        super().handle_connect(event)


def _as_error_body(response: Response) -> Response:
    """Return the response; a refusal gets the JSON body of every error."""
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
