"""A client that costs next to nothing: the kernel sends a file's pages, no byte passes through Python."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

BLOCK_BYTES = 64 << 20
BOUNDARY = b"benchmark--boundary"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY.decode()}"


@dataclass(frozen=True, slots=True)
class Content:
    """`n_bytes` made of the bytes of an open file (`block_bytes` of them), again and again."""

    descriptor: int
    block_bytes: int
    n_bytes: int

    def send(self, to: int) -> None:
        """Hand all of it to a socket or a file."""
        sent = 0
        while sent < self.n_bytes:
            at = sent % self.block_bytes
            sent += os.sendfile(to, self.descriptor, at, min(self.block_bytes - at, self.n_bytes - sent))


class Answer(NamedTuple):
    """What came back: seconds since the first byte was sent, status, head and body."""

    seconds: float
    status: int
    head: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def random_content(folder: Path, n_bytes: int) -> Iterator[Content]:
    """So many random bytes, which no parser finds easy; 64 MiB of them are made in `folder`."""
    path = folder / "block"
    with path.open("wb") as file:
        for _ in range(-(-min(BLOCK_BYTES, n_bytes) >> 20)):
            file.write(os.urandom(1 << 20))
    with content_of(path, n_bytes) as content:
        yield content
    path.unlink()


@contextmanager
def content_of(path: Path, n_bytes: int | None = None) -> Iterator[Content]:
    """A file, as often as it takes to fill `n_bytes`; once by default."""
    with path.open("rb") as file:
        size = path.stat().st_size
        yield Content(file.fileno(), size, size if n_bytes is None else n_bytes)


def send_form(port: int, content: Content, options: str = "{}") -> Answer:
    """POST it as the spec's form, the options (JSON) first."""
    begin = b"".join(
        [
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="options"\r\n\r\n',
            options.encode() + b"\r\n",
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="audioFile"; filename="a.mp4"\r\n',
            b"Content-Type: video/mp4\r\n\r\n",
        ]
    )
    end = b"\r\n--" + BOUNDARY + b"--\r\n"
    return send(port, "POST", "/process-audio", content, {"Content-Type": FORM_TYPE}, begin=begin, end=end)


def send(
    port: int,
    method: str,
    path: str,
    content: Content | None,
    headers: dict[str, str],
    *,
    begin: bytes = b"",
    end: bytes = b"",
) -> Answer:
    """
    Send a request and read its answer; the body is `begin`, content, `end`.

    Raises:
        RuntimeError: the answer is none of success.
    """
    n_bytes = len(begin) + (content.n_bytes if content else 0) + len(end)
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers | {"Content-Length": str(n_bytes)}).items()]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        started = time.perf_counter()
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + begin)
        if content:
            content.send(connection.fileno())
        connection.sendall(end)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        seconds = time.perf_counter() - started
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(maxsplit=2)[1])
    if status // 100 != 2:
        raise RuntimeError(f"{method} {path}: {answer[:500]!r}")
    return Answer(seconds, status, head.decode("latin-1"), body)
