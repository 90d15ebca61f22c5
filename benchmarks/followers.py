"""
Clients on WebSockets that cost next to nothing: they keep what comes and read it when all is over.

When bytes arrived is what the kernel says (SO_TIMESTAMPNS): hundreds of clients in one process come to read
long after that, and the delay would be mostly theirs.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

SO_TIMESTAMPNS = 35
"""socket(7), Linux; Python has no name for it."""
RECEIVE_BYTES = 1 << 18
TEXT, CLOSE = 1, 8
NORMAL = 1000
_TIMESPEC = struct.Struct("qq")


class Follower:
    """One client at a job: what it got, with the time of arrival (epoch, s)."""

    def __init__(self, port: int, job_id: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._received: list[tuple[float, bytes]] = []
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /?jobId={job_id} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def receive(self) -> bool:
        """Take what has come; whether more can."""
        data, facts, *_ = self.socket.recvmsg(RECEIVE_BYTES, socket.CMSG_SPACE(_TIMESPEC.size))
        if data:
            # The kernel begins to stamp a moment after the first socket has asked for it.
            seconds, nanoseconds = _TIMESPEC.unpack(facts[0][2]) if facts else (time.time(), 0)
            self._received.append((seconds + nanoseconds * 1e-9, data))
        return bool(data) and not _ends_with_close(data)

    def frames(self) -> Iterator[tuple[float, int, bytes]]:
        """Arrival, opcode and contents of each frame; servers do not mask, ours does not split."""
        buffer, in_head = b"", True
        for at, data in self._received:
            buffer += data
            if in_head and b"\r\n\r\n" in buffer:
                buffer, in_head = buffer.partition(b"\r\n\r\n")[2], False
            while not in_head and (frame := _split(buffer)):
                opcode, contents, buffer = frame
                yield at, opcode, contents

    def messages(self) -> list[tuple[float, Any]]:
        """Every message with its arrival."""
        return [(at, json.loads(contents)) for at, opcode, contents in self.frames() if opcode == TEXT]

    @property
    def saw_the_end(self) -> bool:
        """Whether the last message was that of the job's completion, and a normal close followed."""
        *_, last, close = [(opcode, contents) for _, opcode, contents in self.frames()]
        closed = close[0] == CLOSE and int.from_bytes(close[1][:2], "big") == NORMAL
        return closed and json.loads(last[1])["type"] == "completed"


class Crowd:
    """Many clients of one job."""

    def __init__(self, port: int, job_id: str, count: int) -> None:
        """Connects them one after the other, and returns once each has heard something."""
        self._selector = selectors.DefaultSelector()
        self.followers: Sequence[Follower] = [Follower(port, job_id) for _ in range(count)]
        for follower in self.followers:
            self._selector.register(follower.socket, selectors.EVENT_READ, follower)
        silent = {*self.followers}
        while silent:
            silent -= self._receive()

    def wait_for_the_end(self) -> None:
        """Take all that comes, until the last one is closed."""
        while self._selector.get_map():
            self._receive()
        self._selector.close()

    def _receive(self) -> set[Follower]:
        heard = set()
        for key, _ in self._selector.select():
            follower: Follower = key.data
            heard.add(follower)
            if not follower.receive():
                self._selector.unregister(key.fd)
                follower.socket.close()
        return heard


def delays_ms(messages: Sequence[tuple[float, Any]], since: float) -> Iterator[float]:
    """How long the reports took that were made after `since` (epoch, s), from the queue to the client."""
    for at, event in messages:
        made = datetime.fromisoformat(event["timestamp"]).timestamp()
        if event["type"] in {"progress", "words"} and "id" in event and made > since:
            yield 1000 * (at - made)


def _ends_with_close(data: bytes) -> bool:
    """Whether the last frame closes the WebSocket; messages are ASCII, so they have no such byte."""
    start = data.rfind(0x80 | CLOSE)
    return start >= 0 and start + 2 <= len(data) and start + 2 + data[start + 1] == len(data)


def _split(buffer: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame of a buffer (RFC 6455, section 5.2) and what follows it; None while it is not whole."""
    if len(buffer) < 2:
        return None
    extra = {126: 2, 127: 8}.get(buffer[1], 0)
    start = 2 + extra
    length = int.from_bytes(buffer[2:start], "big") if extra else buffer[1]
    if len(buffer) < start + length:
        return None
    return buffer[0] & 0x0F, buffer[start : start + length], buffer[start + length :]
