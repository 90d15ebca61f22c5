"""Others that take uploads: nginx, which writes the body of a PUT to a file, and Node's multer."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from benchmarks.measure import Missing

NGINX = """\
daemon off;
user {user};
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path bodies;
    proxy_temp_path unused;
    fastcgi_temp_path unused;
    uwsgi_temp_path unused;
    scgi_temp_path unused;
    server {{
        listen 127.0.0.1:{port};
        root files;
        dav_methods PUT;
    }}
}}
"""
MULTER = """\
const app = require('express')(), upload = require('multer')({ dest: process.argv[1] });
app.post('/process-audio', upload.single('audioFile'), (request, response) => response.json(request.file));
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""
PACKAGES = "express@5", "multer@2"
START_S = 10.0


class Rival(NamedTuple):
    """A server: its process, and its port on 127.0.0.1."""

    pid: int
    port: int


@contextmanager
def nginx(folder: Path) -> Iterator[Rival]:
    """
    nginx with one worker, which takes `PUT /<name>` into `folder`/files.

    Raises:
        Missing: it is not installed, or does not start.
    """
    program = _program("nginx")
    (folder / "files").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(NGINX.format(user=getpass.getuser(), port=port))
    command = [program, "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield Rival(process.pid, port)
        finally:
            process.terminate()


@contextmanager
def multer(folder: Path) -> Iterator[Rival]:
    """
    Express with multer's disk storage, which takes `POST /process-audio` into `folder`/files.

    Raises:
        Missing: Node is not installed, or its packages cannot be had.
    """
    program, modules = _program("node"), _packages()
    command = [program, "-e", MULTER, str(folder / "files")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=modules) as process:
        assert process.stdout
        try:
            yield Rival(process.pid, int(process.stdout.readline() or 0))
        finally:
            process.terminate()


def _packages() -> Path:
    """The folder with multer, which stays for the next time."""
    folder = user_cache_path("audio-tools-benchmarks", appauthor=False)
    if not (folder / "node_modules" / "multer").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = [_program("npm"), "install", "--silent", "--no-fund", "--no-audit", *PACKAGES]
        if subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode:
            raise Missing("npm cannot install " + " and ".join(PACKAGES))
    return folder


def _program(name: str) -> str:
    # Debian puts nginx where only root's PATH leads.
    if path := shutil.which(name) or shutil.which(name, path="/usr/sbin"):
        return path
    raise Missing(f"{name} is not installed")


def _wait_for(port: int) -> None:
    limit = time.monotonic() + START_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > limit:
                raise Missing("nginx does not start") from None
            time.sleep(0.05)
