"""What ends a request before it reaches a route has the JSON body of every error."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.service import ServiceProcess

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
VERSION = "Sec-WebSocket-Version: 13"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A service without an engine that answers."""
    with ServiceProcess(tmp_path, "http://127.0.0.1:9/v1") as running:
        yield running


def answer(connection: socket.socket) -> tuple[int, str, dict[str, object]]:
    """Status, headers and body of the response, after which the connection is closed."""
    received = b""
    while block := connection.recv(65_536):
        received += block
    head, _, body = received.decode().partition("\r\n\r\n")
    return int(head.split(" ")[1]), head.lower(), json.loads(body)


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/nowhere", (KEY, VERSION), 404, "not_found"),
        ("/?jobId=1", (KEY, "Sec-WebSocket-Version: 8"), 426, "upgrade_required"),
        ("/?jobId=1", (VERSION,), 400, "bad_handshake"),
    ],
)
async def test_a_refused_handshake(
    path: str, headers: tuple[str, ...], status: int, code: str, service: ServiceProcess
) -> None:
    """As that of any other request; 426 names the version that is supported."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{service.ws_port}", *headers]
    lines += ["Upgrade: websocket", "Connection: Upgrade", "", ""]
    with socket.create_connection(("127.0.0.1", service.ws_port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        got, head, body = await asyncio.to_thread(answer, connection)

    assert (got, body["success"], body["error"]) == (status, False, code)
    assert ("sec-websocket-version: 13" in head) == (status == 426)
    assert "Traceback" not in service.log


async def test_an_upload_that_a_shutdown_interrupts(service: ServiceProcess) -> None:
    """503 with `Retry-After`, nothing left of it, and no fault in the log."""
    head = (
        f"POST /process-audio HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nContent-Length: 9000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="audioFile"; filename="a.wav"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head.encode() + bytes(3_000_000))
        while not service.files("uploads"):
            await asyncio.sleep(0.02)
        service.signal(signal.SIGTERM)
        status, answered, body = await asyncio.to_thread(answer, connection)
    assert await asyncio.to_thread(service.wait) == 0

    assert (status, body["error"]) == (503, "service_stopping")
    assert "retry-after: " in answered
    assert "Traceback" not in service.log
    assert service.files("uploads") == []
