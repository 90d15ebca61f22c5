"""Programs that use the JavaScript client, and what they need."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import engine
from tests.acceptance.service import Engine, ServiceProcess
from tests.ports import free_ports
from tests.simulator import Script, render, talk

__all__ = ["engine"]

CLIENT = Path(__file__).parents[2] / "clients" / "js"
PROGRAMS = Path(__file__).parent / "programs"
# Node 22 needs no flag for WebSocket and still knows it.
FLAGS = ["--experimental-websocket", "--no-warnings"]
PADDING_BYTES = 40 << 20
CONNECTIONS = Path("/proc/net/tcp")


class Program:
    """A running Node program that prints a JSON value a line, and reads lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self) -> Any:
        """The next value that it prints; fails at its end."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the program has ended: {self._process.wait(10)}"
        return json.loads(line)

    def read_until(self, kind: str) -> list[Any]:
        """The values up to the first one of a `kind`, with it."""
        values = [self.read()]
        while values[-1]["kind"] != kind:
            assert values[-1]["kind"] != "error", values[-1]
            values.append(self.read())
        return values

    def read_error(self) -> Any:
        """The error that it ends with."""
        value = self.read()
        while value["kind"] != "error":
            value = self.read()
        return value

    def go_on(self) -> None:
        """Send it a line."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()


Start = Callable[..., Program]
"""Starts a program of `programs/` with its arguments."""


@pytest.fixture(scope="session")
def client_js() -> Path:
    """The folder of the client, with its tools installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    if not (CLIENT / "node_modules" / "esbuild").is_dir():
        pytest.skip("the tools of the client are not installed: npm ci --prefix clients/js")
    return CLIENT


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs, and ends them with the test."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    processes: list[subprocess.Popen[str]] = []

    def start_program(name: str, *arguments: object, flags: list[str] = FLAGS) -> Program:
        command = [node, *flags, str(PROGRAMS / name), *map(str, arguments)]
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return Program(processes[-1])

    yield start_program
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def script() -> Script:
    """What is said in the files: several chunks."""
    return talk(70.0, seed=31)


@pytest.fixture(scope="module")
def recording(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file."""
    return render(script, tmp_path_factory.mktemp("recording") / "talk.flac")


@pytest.fixture(scope="module")
def film(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes several requests: an MP4 may end with a box that holds nothing."""
    path = render(script, tmp_path_factory.mktemp("film") / "talk.mp4")
    with path.open("ab") as file:
        file.write(struct.pack(">I", PADDING_BYTES) + b"free" + bytes(PADDING_BYTES - 8))
    return path


@contextmanager
def lasting_service(folder: Path, engine: Engine, **environment: str) -> Iterator[ServiceProcess]:
    """A service that has the same ports after a restart."""
    port, ws_port = free_ports(2)
    arguments = ["--port", str(port), "--ws-port", str(ws_port)]
    with ServiceProcess(folder, engine.base_url, arguments=arguments, **environment) as service:
        yield service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[ServiceProcess]:
    with lasting_service(tmp_path_factory.mktemp("service"), engine) as running:
        yield running


def wait_for_unread(service: ServiceProcess) -> None:
    """Wait until bytes lie in the buffers of a service that is stopped."""
    if not CONNECTIONS.exists():
        pytest.skip("this system has no /proc/net/tcp, which lists unread bytes")
    end = time.monotonic() + 30
    while not any(_unread_bytes(service.port)):
        assert time.monotonic() < end, "nothing was sent"
        time.sleep(0.01)


def _unread_bytes(port: int) -> Iterator[int]:
    for line in CONNECTIONS.read_text(encoding="utf-8").splitlines()[1:]:
        _, address, _, _, queues, *_ = line.split()
        if address.endswith(f":{port:04X}"):
            yield int(queues.partition(":")[2], 16)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stored(service: ServiceProcess, upload_id: str) -> Path:
    """The file of an upload."""
    return service.data_dir / "uploads" / upload_id / "media"
