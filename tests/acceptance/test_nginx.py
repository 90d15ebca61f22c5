"""Behind a real nginx with `deploy/nginx.conf`: TLS, nothing buffered, WebSockets and resumable uploads."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
import websockets

from tests.acceptance.service import ServiceProcess
from tests.ports import free_ports
from tests.server.wire import head, media, wait_until
from tests.simulator import render, simulator_process, talk

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
TOKEN = "a-token-that-nobody-logs"
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
MAX_BYTES = 20_000_000
SCRIPT = talk(30, seed=5)
# What a Debian package compiles in as folders under /var belongs into the test's own here.
MAIN = """\
user {user};
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path unused;
    uwsgi_temp_path unused;
    scgi_temp_path unused;
    include site.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An nginx: its ports, its folder, and the context in which clients trust its certificate."""

    http_port: int
    https_port: int
    folder: Path
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"https://localhost:{self.https_port}"

    def client(self) -> httpx2.Client:
        """A client that has the token."""
        return httpx2.Client(base_url=self.url, headers=AUTHORIZATION, verify=self.trust, timeout=60)

    def buffered(self) -> list[Path]:
        """Files in which nginx keeps bodies of requests or answers."""
        return [
            path
            for name in ("bodies", "answers")
            for path in (self.folder / name).rglob("*")
            if path.is_file()
        ]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The service, set up as docs/deploy.md says."""
    settings = {
        "API_TOKEN": TOKEN,
        "ALLOWED_HOSTS": "localhost",
        "TRUSTED_PROXIES": "127.0.0.1",
        "MAX_UPLOAD_BYTES": str(MAX_BYTES),
        "NODE_ENV": "production",
    }
    folder = tmp_path_factory.mktemp("service")
    with simulator_process() as engine_url, ServiceProcess(folder, engine_url, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx in front of it, with a certificate of its own."""
    nginx, openssl = find("nginx"), find("openssl")
    folder = tmp_path_factory.mktemp("nginx")
    make_certificate(openssl, folder)
    http_port, https_port = free_ports(2)
    (folder / "nginx.conf").write_text(MAIN.format(user=folder.owner()))
    (folder / "site.conf").write_text(adapt(CONFIGURATION.read_text(), http_port, https_port, service.port))
    with running(nginx, folder):
        trust = ssl.create_default_context(cafile=folder / "certificate.pem")
        yield Proxy(http_port, https_port, folder, trust)


def find(program: str) -> str:
    """A program's path; the test is skipped where there is none."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def make_certificate(openssl: str, folder: Path) -> None:
    """A certificate for `localhost` that vouches for itself."""
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)


def adapt(site: str, http_port: int, https_port: int, service_port: int) -> str:
    """The configuration with this test's ports, name and files; each is written in it exactly as here."""
    changes = {
        "listen 80;": f"listen 127.0.0.1:{http_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{https_port} ssl;",
        "server_name audio.example.com;": "server_name localhost;",
        "/etc/ssl/certs/audio.example.com.pem": "certificate.pem",
        "/etc/ssl/private/audio.example.com.key": "key.pem",
        "/var/log/nginx/audio-tools.log": "access.log",
        "http://127.0.0.1:3001;": f"http://127.0.0.1:{service_port};",
    }
    for written, here in changes.items():
        assert written in site
        site = site.replace(written, here)
    return site


@contextmanager
def running(nginx: str, folder: Path) -> Iterator[None]:
    """nginx until the block ends; it puts itself into the background once it listens."""
    command = [nginx, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    started = subprocess.run(command, capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    try:
        yield
    finally:
        subprocess.run([*command, "-s", "stop"], check=True, capture_output=True)
        wait_until(lambda: not (folder / "nginx.pid").exists())


async def test_a_job_goes_through_the_proxy(proxy: Proxy, service: ServiceProcess, tmp_path: Path) -> None:
    """Upload over TLS, events over wss where the service says, the result; and the token is in no log."""
    recording = render(SCRIPT, tmp_path / "talk.flac")
    with proxy.client() as client, recording.open("rb") as file:
        started = client.post("/process-audio", files={"audioFile": ("talk.flac", file)}).json()
        url = f"{started['websocketUrl']}&token={TOKEN}"
        async with websockets.connect(url, ssl=proxy.trust, proxy=None, max_size=None) as socket:
            types = [json.loads(message)["type"] async for message in socket]
        result = client.get(f"/job/{started['jobId']}/result").json()["result"]

    assert started["websocketUrl"] == f"wss://localhost:{proxy.https_port}/?jobId={started['jobId']}"
    assert (types[0], types[-1], socket.close_code) == ("snapshot", "completed", 1000)
    assert "progress" in types
    assert [word["word"] for word in result["words"]] == [word.text for word in SCRIPT.words]
    assert "POST /process-audio" in (proxy.folder / "access.log").read_text()
    assert TOKEN not in (proxy.folder / "access.log").read_text() + service.log


def test_an_upload_arrives_while_it_is_sent(proxy: Proxy, service: ServiceProcess) -> None:
    """nginx keeps nothing back: half a body is on the service's disk before the client sends the rest."""
    whole = media(bytes(16 << 20))
    begin = head(
        "POST",
        "/process-audio",
        Content_Type="multipart/form-data; boundary=a--b",
        Content_Length=len(whole),
        **AUTHORIZATION,
    ).replace(b"Host: 127.0.0.1", f"Host: localhost:{proxy.https_port}".encode())
    plain = socket.create_connection(("127.0.0.1", proxy.https_port), timeout=20)
    with proxy.trust.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(begin + whole[: 8 << 20])

        wait_until(lambda: any(size >= 7 << 20 for size in unfinished(service)))
        assert proxy.buffered() == []
    wait_until(lambda: unfinished(service) == [])


def unfinished(service: ServiceProcess) -> list[int]:
    """How much there is of each upload that is under way, in bytes."""
    return [path.stat().st_size for path in service.data_dir.glob("uploads/*/media.part")]


def test_a_resumable_upload_goes_on_where_it_was(proxy: Proxy, tmp_path: Path) -> None:
    """tus through the proxy: created, sent in two pieces, asked in between, and worked on."""
    data = render(SCRIPT, tmp_path / "talk.flac").read_bytes()
    half = len(data) // 2
    octets = {"Content-Type": "application/offset+octet-stream"}
    with proxy.client() as client:
        client.headers["Tus-Resumable"] = "1.0.0"
        name = base64.b64encode(b"talk.flac").decode()
        created = client.post(
            "/files", headers={"Upload-Length": str(len(data)), "Upload-Metadata": f"filename {name}"}
        )
        upload = urljoin(f"{proxy.url}/files", created.headers["Location"])
        client.patch(upload, content=data[:half], headers=octets | {"Upload-Offset": "0"})
        offset = client.head(upload).headers["Upload-Offset"]
        sent = client.patch(upload, content=data[half:], headers=octets | {"Upload-Offset": offset})
        started = client.post("/process-audio", json={"uploadId": upload.rpartition("/")[2]})

    assert created.status_code == 201
    assert offset == str(half)
    assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, str(len(data)))
    assert started.json()["success"] is True


def test_a_refusal_reaches_a_client_that_is_still_sending(proxy: Proxy) -> None:
    """What the service answers before it has read the body is not lost to a broken connection."""
    too_large = bytes(3 * MAX_BYTES)
    with proxy.client() as client:
        answer = client.post("/process-audio", files={"audioFile": ("long.mov", too_large)})
        del client.headers["Authorization"]
        stranger = client.post("/process-audio", files={"audioFile": ("long.mov", too_large)})

    assert (answer.status_code, answer.json()["error"]) == (413, "upload_too_large")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "unauthorized")


def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    """308 keeps the method, so that a form is sent again as it was."""
    answer = httpx2.post(f"http://localhost:{proxy.http_port}/process-audio?a=b", follow_redirects=False)

    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://localhost/process-audio?a=b"
