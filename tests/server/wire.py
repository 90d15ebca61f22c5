"""HTTP by hand: what well-behaved clients would not send."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

BOUNDARY = b"a--b"
DELIMITER = b"\r\n--" + BOUNDARY
TYPE = "multipart/form-data; boundary=a--b"


class Answer(NamedTuple):
    """A response that was read to its end; `json` is None where the body is empty."""

    status: int
    headers: Mapping[str, str]
    json: Any


def part(name: str, data: bytes, filename: str | None = None, header: bytes = b"") -> bytes:
    """One part of a form, with its boundary."""
    file = b"" if filename is None else f'; filename="{filename}"'.encode()
    disposition = f'Content-Disposition: form-data; name="{name}"'.encode() + file
    return b"--" + BOUNDARY + b"\r\n" + header + disposition + b"\r\n\r\n" + data + b"\r\n"


def media(data: bytes, filename: str = "a.mov") -> bytes:
    """The part with the file."""
    return part("audioFile", data, filename)


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def head(method: str, path: str, **headers: object) -> bytes:
    """The head of a request; `Content_Length=3` is the header Content-Length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def post(body: bytes, content_type: str = TYPE, **headers: object) -> bytes:
    """A whole upload."""
    return (
        head("POST", "/process-audio", Content_Type=content_type, Content_Length=len(body), **headers) + body
    )


def chunked(blocks: Iterable[bytes]) -> bytes:
    """A body whose length is not announced."""
    return b"".join(b"%x\r\n%b\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"


def read_answer(connection: socket.socket) -> Answer:
    """The next answer on a connection, and not a byte more: another may follow."""
    lines = b""
    while not lines.endswith(b"\r\n\r\n"):
        lines += _receive(connection, 1)
    status_line, *fields = lines.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    body = b""
    while missing := int(headers.get("content-length", 0)) - len(body):
        body += _receive(connection, missing)
    return Answer(int(status_line.split()[1]), headers, json.loads(body) if body else None)


def _receive(connection: socket.socket, n_bytes: int) -> bytes:
    data = connection.recv(n_bytes)
    assert data, "the connection ended in the middle of the answer"
    return data


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what another thread or process does soon."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")
