"""A program that receives webhooks, and checks their signatures by the text of the standard."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass(frozen=True, slots=True)
class Received:
    """A request whose signature was right."""

    id: str
    type: str
    body: dict[str, Any]
    path: str


@dataclass(slots=True)
class Receiver:
    """What has arrived; `replies` are the statuses of the next replies, then 204."""

    url: str = ""
    replies: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    forged: int = 0
    delay_s: float = 0.0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, headers: dict[str, str], path: str, body: bytes) -> int:
        """One request; returns the status of the reply."""
        with self._changed:
            if _is_signed(headers, body):
                record = json.loads(body)
                self.received.append(Received(headers["webhook-id"], record["type"], record, path))
            else:
                self.forged += 1
            self._changed.notify_all()
            return self.replies.pop(0) if self.replies else 204

    def wait_for(self, count: int, timeout_s: float = 30.0) -> Sequence[Received]:
        """The first `count` requests, once they are there."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, timeout_s), self.received
            return list(self.received)


def _is_signed(headers: dict[str, str], body: bytes) -> bool:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return recent and headers["webhook-signature"] == f"v1,{digest}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on loopback, until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(
                {name.lower(): value for name, value in self.headers.items()}, self.path, body
            )
            time.sleep(receiver.delay_s)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
