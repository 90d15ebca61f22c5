"""The two ways that a body can come in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from audio_tools.server import request_body as body
from audio_tools.server.uvicorn_ext import socket_body as direct
from audio_tools.server.uvicorn_ext.http_protocol import HttpProtocol
from audio_tools.server.uvicorn_ext.socket_body import SocketBodyProtocol


@pytest.fixture(scope="module", params=["through the event loop", "directly"])
def http(request: pytest.FixtureRequest) -> Iterator[type[HttpProtocol]]:
    """uvicorn's way, and a thread that reads the socket as soon as a body is longer than a few pieces."""
    if request.param != "directly":
        yield HttpProtocol
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "WORTH_BYTES", 1)
        patch.setattr(body, "BLOCK_BYTES", 65_536)
        yield SocketBodyProtocol
