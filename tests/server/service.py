"""
A small service that takes uploads, for tests: in a thread, or as a process that can be killed.

`python -m tests.server.service DATA_DIR` prints the port that it listens on.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from audio_tools.server.error_responses import install
from audio_tools.server.multipart import receive_upload
from audio_tools.server.request_body import ClientGone, LingeringClose
from audio_tools.server.routes.tus import TusApp
from audio_tools.server.uvicorn_ext.http_protocol import HttpProtocol
from audio_tools.server.uvicorn_ext.socket_body import SocketBodyProtocol
from audio_tools.storage import UploadStore
from audio_tools.transcript import Json


def make_app(uploads: UploadStore, idle_s: float) -> ASGIApp:
    """Multipart at `/process-audio`, tus at `/files`, errors in our one shape."""
    app = FastAPI()
    install(app)
    app.router.routes.extend(TusApp(uploads, idle_s=idle_s).routes("/files"))

    @app.post("/process-audio")
    async def process_audio(request: Request) -> Json:
        try:
            file, options = await receive_upload(request, uploads, idle_s=idle_s)
        except ClientGone:
            return {}
        return {"id": file.id, "size": file.size, "name": file.name, "options": options}

    return LingeringClose(app)


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service listens, and its data folder."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, first: bytes = b"") -> socket.socket:
        """A connection that has sent its first bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(first)
        return connection


@contextmanager
def running(
    folder: Path,
    *,
    max_bytes: int,
    idle_s: float = 30.0,
    http: type[HttpProtocol] = HttpProtocol,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> Iterator[Service]:
    """A service in a thread of this process, on a free port, until the block ends; `around` wraps its app."""
    uploads = UploadStore(folder, max_bytes=max_bytes, min_free_bytes=0, ttl_s=3600)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(_config(around(make_app(uploads, idle_s)), http))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="service")
        thread.start()
        try:
            yield Service(listener.getsockname()[1], folder)
        finally:
            server.should_exit = True
            thread.join()
            uploads.close()


def _config(app: ASGIApp, http: type[HttpProtocol]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=http,
        loop="auto",
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


def main() -> None:
    uploads = UploadStore(Path(sys.argv[1]), max_bytes=1 << 40, min_free_bytes=0, ttl_s=3600)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(_config(make_app(uploads, 30.0), SocketBodyProtocol)).run(sockets=[listener])


if __name__ == "__main__":
    main()
