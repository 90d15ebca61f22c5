"""The extensions of uvicorn are tried at start; without them the service works as well."""

from __future__ import annotations

import logging
import sys

import pytest

from audio_tools.server.uvicorn_ext.choice import Protocols, choose_protocols
from audio_tools.server.uvicorn_ext.handshake import HandshakeProtocol
from audio_tools.server.uvicorn_ext.socket_body import SocketBodyProtocol


async def test_the_installed_uvicorn_takes_all_extensions(caplog: pytest.LogCaptureFixture) -> None:
    """The versions that pyproject.toml allows are those that pass."""
    with caplog.at_level(logging.DEBUG):
        assert await choose_protocols() == Protocols(SocketBodyProtocol, HandshakeProtocol)

    assert [record for record in caplog.records if record.name != "asyncio"] == []


@pytest.mark.parametrize("broken", ["on_headers_complete", "_refuse", "take_over"])
async def test_a_broken_http_extension_is_replaced_and_logged(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a release of uvicorn that renames what the extension uses."""

    def fail(*_: object) -> None:
        raise AttributeError("gone")

    monkeypatch.setattr(SocketBodyProtocol, broken, fail)
    with caplog.at_level(logging.WARNING, "audio_tools.server.uvicorn_ext.choice"):
        chosen = await choose_protocols()

    assert chosen == Protocols(Protocols().http, HandshakeProtocol)
    assert "HTTP extension does not work with uvicorn" in caplog.text


async def test_a_broken_websocket_extension_is_replaced_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The other one stays."""
    monkeypatch.delattr(HandshakeProtocol, "handle_connect")
    chosen = await choose_protocols()

    assert chosen == Protocols(SocketBodyProtocol, Protocols().ws)
    assert "WebSocket extension does not work with uvicorn" in caplog.text


async def test_an_extension_that_cannot_be_imported_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a release of uvicorn that moves a module."""
    for module in ("socket_body", "handshake"):
        monkeypatch.setitem(sys.modules, f"audio_tools.server.uvicorn_ext.{module}", None)

    assert await choose_protocols() == Protocols()
